using Microsoft.AspNetCore.Http.Features;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Identity;

/// <summary>Who calls. As a parameter of an endpoint it is the authenticated user; <c>Caller?</c> is null for an anonymous one.</summary>
/// <param name="UserId">The user.</param>
/// <param name="Handle">The user's handle.</param>
/// <param name="Role">As it is now, not as it was when the credential was made.</param>
public sealed record Caller(Id<User> UserId, string Handle, UserRole Role)
{
    /// <summary>Whether the caller administers this node.</summary>
    public bool IsAdmin => Role is UserRole.Admin;

    /// <summary>The caller whom the authentication handler has recognised.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext context) => ValueTask.FromResult(Of(context));

    /// <summary>The caller of a request; null for an anonymous one.</summary>
    public static Caller? Of(HttpContext context) => context.Features.Get<Caller>();

    internal void Attach(IFeatureCollection features) => features.Set(this);
}
