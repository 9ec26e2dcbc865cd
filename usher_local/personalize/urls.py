"""The hosts and paths of the three APIs: one host each in the cloud, one host for all on moto's server."""

from usher_local.personalize.responses import PersonalizeEventsResponse, PersonalizeResponse, PersonalizeRuntimeResponse

url_bases = [r"https?://personalize(?:-runtime|-events)?\.(.+)\.amazonaws\.com"]

url_paths = {
    "{0}/$": PersonalizeResponse.dispatch,
    "{0}/recommendations$": PersonalizeRuntimeResponse.dispatch,
    "{0}/personalize-ranking$": PersonalizeRuntimeResponse.dispatch,
    "{0}/action-recommendations$": PersonalizeRuntimeResponse.dispatch,
    "{0}/events$": PersonalizeEventsResponse.dispatch,
    "{0}/items$": PersonalizeEventsResponse.dispatch,
    "{0}/users$": PersonalizeEventsResponse.dispatch,
    "{0}/actions$": PersonalizeEventsResponse.dispatch,
    "{0}/action-interactions$": PersonalizeEventsResponse.dispatch,
}
