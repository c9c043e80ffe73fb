using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Market.Audit;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Audit;

/// <summary>Which entries a caller asks for; use it as an <c>[AsParameters]</c> parameter.</summary>
public sealed record AuditQuery
{
    [FromQuery(Name = "actor"), Description("Only what this user did, by id. For administrators of the node or of the organisation that is acted for; everybody else sees their own entries alone, with or without it.")]
    public string? Actor { get; init; }

    [FromQuery(Name = "act"), Description("Only this act, such as createApiKey.")]
    public string? Act { get; init; }

    [FromQuery(Name = "from"), Description("Only what was done at this time or later (RFC 3339).")]
    public DateTimeOffset? From { get; init; }

    [FromQuery(Name = "to"), Description("Only what was done before this time (RFC 3339).")]
    public DateTimeOffset? To { get; init; }

    /// <summary>What of it the caller may see.</summary>
    /// <exception cref="RequestRefusedException">A parameter cannot be meant.</exception>
    internal AuditFilter FilterFor(Caller caller)
    {
        if (Actor is { Length: 0 or > AuditAct.MaxTextLength } || Act is { Length: 0 or > AuditAct.MaxTextLength })
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, $"The parameters actor and act have 1 to {AuditAct.MaxTextLength} characters.");
        var own = caller.UserId.ToString();
        if (caller.OrganisationRole is not null)
            return new AuditFilter(Actor, Act, From, To, own);
        if (!caller.IsAdmin && Actor is not null && Actor != own)
            throw new RequestRefusedException(RequestRefusal.Forbidden, "What others did is for administrators of this node. Leave actor out to see what you did.");
        return new AuditFilter(caller.IsAdmin ? Actor : own, Act, From, To);
    }
}
