using Microsoft.AspNetCore.Http.Features;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Who calls. As a parameter of an endpoint it is the authenticated user; <c>Caller?</c> is null for an anonymous one.</summary>
/// <param name="UserId">The account that is acted for: what belongs to it is meant. A person's own, or an organisation's.</param>
/// <param name="Handle">The handle of that account.</param>
/// <param name="Role">As it is now, not as it was when the credential was made.</param>
public sealed record Caller(Id<User> UserId, string Handle, UserRole Role)
{
    /// <summary>The person who acts.</summary>
    public Id<User> ActorId { get; init; } = UserId;

    /// <summary>The handle of the person who acts.</summary>
    public string ActorHandle { get; init; } = Handle;

    /// <summary>What the person is in the organisation that is acted for; null for who acts for himself.</summary>
    public OrganisationRole? OrganisationRole { get; init; }

    /// <summary>What may be asked of models in the name of the organisation that is acted for, by all of its members together.</summary>
    public ModelLimits ModelLimits { get; init; } = ModelLimits.None;

    /// <summary>What the caller may, by role and credential.</summary>
    public PermissionSet Rights { get; init; } = Market.Identity.Rights.OfPerson(Role);

    /// <summary>The API key that is used; null for a session.</summary>
    public ApiKey? Key { get; init; }

    /// <summary>Whether the caller administers this node.</summary>
    public bool IsAdmin => Rights.Contains(Permission.NodeAdmin);

    /// <summary>What may be spent by the key; null for all that the account has.</summary>
    public SpendingAllowance? Allowance => Key is { SpendPerDay: { } perDay } ? new SpendingAllowance(Key.Id, perDay) : null;

    /// <summary>For making an API key.</summary>
    public KeyMaker ToKeyMaker() => new(UserId, ActorId, Rights, Key);

    /// <summary>The caller whom the authentication handler has recognised.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext context) => ValueTask.FromResult(Of(context));

    /// <summary>The caller of a request; null for an anonymous one.</summary>
    public static Caller? Of(HttpContext context) => context.Features.Get<Caller>();

    internal void Attach(IFeatureCollection features) => features.Set(this);
}
