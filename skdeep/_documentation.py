"""Where the pages of the documentation are: the links in the diagrams of estimators lead there.

scikit-learn draws estimators in notebooks, with a link to the page of each and to its parameters
there. It makes the address from what the estimator's class says, by the names below.
"""

from . import __all__ as at_the_top

__all__ = ["ADDRESS", "HasPage"]

# Of the published site, with a slash at its end. While it is empty there are no links.
ADDRESS = ""


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
