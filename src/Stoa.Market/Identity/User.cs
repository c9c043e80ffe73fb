using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>What a user may do on this node beyond owning things.</summary>
public enum UserRole
{
    /// <summary>Publishes, submits, pays and earns.</summary>
    Member,

    /// <summary>Also issues credit and sees the node's own accounts.</summary>
    Admin,
}

/// <summary>A person or a program with an account on this node.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="Handle">Unique, 2 to 39 characters of <c>a-z 0-9 -</c>; the publisher part of listings.</param>
/// <param name="Email">Lower case, unique.</param>
/// <param name="Role">See <see cref="UserRole"/>.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record User(Id<User> Id, string Handle, string Email, UserRole Role, DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "user";
}

/// <summary>A long random secret that stands for a user. Only its SHA-256 is kept.</summary>
/// <param name="Id">Public part.</param>
/// <param name="UserId">Whom it stands for.</param>
/// <param name="Name">What the owner calls it.</param>
/// <param name="Prefix">The first characters of the secret, to recognise it in lists.</param>
/// <param name="SecretHash">SHA-256 of the whole secret.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="ExpiresAt">Null: never.</param>
/// <param name="RevokedAt">Null: in force.</param>
public sealed record ApiKey(
    Id<ApiKey> Id,
    Id<User> UserId,
    string Name,
    string Prefix,
    ContentHash SecretHash,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? RevokedAt) : IIdentified
{
    public static string IdPrefix => "key";

    /// <summary>Whether it opens the door at that instant.</summary>
    public bool IsInForce(DateTimeOffset now) => RevokedAt is null && !(ExpiresAt <= now);
}
