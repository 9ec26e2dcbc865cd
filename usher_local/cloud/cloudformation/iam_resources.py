"""Resource providers of IAM."""

from collections.abc import Mapping
from types import MappingProxyType

from usher_local.cloud.cloudformation.provider import Place, Properties, Provider, Resource
from usher_local.cloud.cloudformation.service_calls import call, without


def create_role(name: str, properties: Properties, place: Place) -> Resource:
    """Create a role, then its policies."""
    given = {**without(properties, "Policies", "ManagedPolicyArns"), "RoleName": name}
    role = call(place, ("iam", "create_role"), given)["Role"]
    made = Resource(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})
    bare = without(properties, "Policies", "ManagedPolicyArns")
    return update_role(made, bare, properties, place)


def put_role_policy(role: str, policy: Properties, place: Place) -> None:
    """Put an inline policy. AWS reads one without a version as 2008-10-17; moto refuses it, so it gets 2012-10-17."""
    document = {"Version": "2012-10-17", **policy["PolicyDocument"]}
    call(place, ("iam", "put_role_policy"), {**policy, "RoleName": role, "PolicyDocument": document})


def update_role(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update trust, description and policies."""
    iam, name = place.client("iam"), made.physical_resource_id
    if old["AssumeRolePolicyDocument"] != new["AssumeRolePolicyDocument"]:
        given = {"RoleName": name, "PolicyDocument": new["AssumeRolePolicyDocument"]}
        call(place, ("iam", "update_assume_role_policy"), given)
    kept = {one["PolicyName"] for one in new.get("Policies", [])}
    for policy in old.get("Policies", []):
        if policy["PolicyName"] not in kept:
            iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
    for policy in new.get("Policies", []):
        if policy not in old.get("Policies", []):
            put_role_policy(name, policy, place)
    before, now = (set(one.get("ManagedPolicyArns", [])) for one in (old, new))
    for arn in sorted(before - now):
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    for arn in sorted(now - before):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    described = {one: new[one] for one in ("Description", "MaxSessionDuration") if one in new}
    if described != {one: old[one] for one in ("Description", "MaxSessionDuration") if one in old}:
        call(place, ("iam", "update_role"), {"RoleName": name, **described})
    return made


def delete_role(made: Resource, place: Place) -> None:
    """Delete a role, after its inline policies are deleted and its managed ones detached, as IAM demands."""
    iam, name = place.client("iam"), made.physical_resource_id
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)


def put_policy(name: str, properties: Properties, place: Place) -> Resource:
    """Put an inline policy on its roles."""
    for role in properties.get("Roles", []):
        put_role_policy(role, without(properties, "Roles"), place)
    roles = ",".join(properties.get("Roles", []))
    return Resource(name, {"Id": name, "Roles": roles, "Name": properties["PolicyName"]})


def update_policy(made: Resource, old: Properties, new: Properties, place: Place) -> Resource:
    """Update an inline policy, which may move to other roles or change its name."""
    if old["PolicyName"] != new["PolicyName"]:
        delete_policy(made, place)
    else:
        gone = [role for role in old.get("Roles", []) if role not in new.get("Roles", [])]
        delete_policy(Resource(made.physical_resource_id, {**made.attributes, "Roles": ",".join(gone)}), place)
    return put_policy(made.physical_resource_id, new, place)


def delete_policy(made: Resource, place: Place) -> None:
    """Delete an inline policy from every role that has it."""
    for role in filter(None, made.attributes["Roles"].split(",")):
        place.client("iam").delete_role_policy(RoleName=role, PolicyName=made.attributes["Name"])


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "AWS::IAM::Policy": Provider(put_policy, delete_policy, update_policy),
        "AWS::IAM::Role": Provider(create_role, delete_role, update_role, "RoleName"),
    }
)
