"""Where the project is: its repository, and the pages of its documentation.

The links in the diagrams of estimators lead to those pages. scikit-learn draws estimators in
notebooks, with a link to the page of each and to its parameters there. It makes the address from
what the estimator's class says, by the names below.
"""

from . import __all__ as at_the_top

__all__ = ["ADDRESS", "REPOSITORY", "HasPage"]

# The one setting, "https://github.com/OWNER/NAME", made by .ci/set_repository.py, which also writes
# it where it cannot be read from here. While it is empty there are no links to the two.
REPOSITORY = ""


def pages_of(repository: str) -> str:
    """The address of a repository's site on GitHub's pages, with a slash at its end."""
    if not repository:
        return ""
    owner, name = repository.split("/")[-2:]
    site = f"{owner.lower()}.github.io"
    # An owner's own site is a repository of its name, at the root.
    return f"https://{site}/" if name.lower() == site else f"https://{site}/{name}/"


# Of the published site.
ADDRESS = pages_of(REPOSITORY)


class HasPage:
    """An estimator with a page of its own. Stands before scikit-learn's classes."""

    _doc_link_module = "skdeep"

    @property
    def _doc_link_template(self) -> str:
        return ADDRESS and ADDRESS + "generated/{public_name}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"public_name": public_name(type(self))}


def public_name(cls: type) -> str:
    """What a class is imported by, "skdeep.DeepMLPClassifier", and what its page is called."""
    room = "skdeep" if cls.__name__ in at_the_top else cls.__module__.partition("._")[0]
    return f"{room}.{cls.__name__}"
