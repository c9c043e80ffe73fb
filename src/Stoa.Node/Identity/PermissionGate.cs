using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Node.Http;

namespace Stoa.Node.Identity;

/// <summary>Decides for whom a caller acts and whether that caller may: before the body is read, and for every endpoint of the API in this one place.</summary>
public sealed class PermissionGate(RequestDelegate next, Credentials credentials)
{
    /// <summary>The header that names the organisation that a person acts for, by its handle.</summary>
    public const string OrganisationHeader = "Stoa-Organisation";

    /// <summary>The parameter of routes that are about one organisation.</summary>
    public const string OrganisationParameter = "organisation";

    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint() is not { } endpoint || endpoint.Metadata.GetMetadata<ApiEndpoint>() is null || Caller.Of(context) is not { } caller)
            return next(context);
        var problem = RefuseAsync(context, endpoint, caller);
        // Who acts for himself is not looked up, and nothing is waited for.
        return problem.IsCompletedSuccessfully ? GoOn(context, problem.Result) : WaitAsync(context, problem);
    }

    private async Task WaitAsync(HttpContext context, ValueTask<ProblemResult?> problem) => await GoOn(context, await problem);

    private Task GoOn(HttpContext context, ProblemResult? problem) => problem is null ? next(context) : problem.ExecuteAsync(context);

    private async ValueTask<ProblemResult?> RefuseAsync(HttpContext context, Endpoint endpoint, Caller caller)
    {
        if (context.Request.RouteValues.TryGetValue(OrganisationParameter, out var value) && value is string ofRoute)
        {
            if (await credentials.ActForAsync(caller, ofRoute, context.RequestAborted) is not { } member)
            {
                return new Refusal<OrganisationRefusal>(
                    OrganisationRefusal.OrganisationUnknown, "There is no organisation of this handle that you belong to. List yours with GET /api/v1/organisations.").ToProblem();
            }

            caller = member;
            caller.Attach(context.Features);
        }
        else if (context.Request.Headers[OrganisationHeader] is { Count: > 0 } header)
        {
            if (header.Count > 1 || await credentials.ActForAsync(caller, header.ToString(), context.RequestAborted) is not { } member)
            {
                return RequestRefusal.Forbidden.ToProblem(
                    $"The header {OrganisationHeader} names an organisation that you do not belong to, or that your key is not for. Leave it out to act for yourself.");
            }

            caller = member;
            caller.Attach(context.Features);
        }

        var metadata = endpoint.Metadata;
        if (Access.Of(metadata).Permission is not { } needed || caller.Rights.Contains(needed))
            return null;
        if (!Access.IsOpen(metadata))
            return RequestRefusal.Forbidden.ToProblem(Explain(caller, needed));
        // What everybody may see this caller may see too, but nothing that is only the account's.
        context.Features.Set<Caller>(null);
        return null;
    }

    private static string Explain(Caller caller, Permission needed)
    {
        var word = PermissionSet.WordOf(needed);
        var ofRole = caller.OrganisationRole is { } role ? Rights.OfMember(role) : Rights.OfPerson(caller.Role);
        if (ofRole.Contains(needed))
            return $"This needs {word}, which your API key does not have. It may: {caller.Rights}. Make a key with that scope, or use another.";
        return caller.OrganisationRole is { } own
            ? $"This needs {word}, which a {own.ToString().ToLowerInvariant()} of {caller.Handle} does not have. Ask an administrator of the organisation for another role."
            : $"This needs {word}, which you do not have on your own account. What concerns an organisation is done in its name, by the header {OrganisationHeader}; the rest is for administrators of this node.";
    }
}
