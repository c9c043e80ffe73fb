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

/// <summary>Whether an account is one person's.</summary>
public enum UserKind
{
    /// <summary>One person, or one program.</summary>
    Person,

    /// <summary>Several people: see <see cref="Identity.Organisation"/>. It has no password and no e-mail address.</summary>
    Organisation,
}

/// <summary>A person, a program or an organisation with an account on this node.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="Handle">Unique, 2 to 39 characters of <c>a-z 0-9 -</c>; the publisher part of listings.</param>
/// <param name="Email">Lower case, unique. Of an organisation its id, which is no address.</param>
/// <param name="Role">See <see cref="UserRole"/>.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="Kind">See <see cref="UserKind"/>.</param>
public sealed record User(
    Id<User> Id, string Handle, string Email, UserRole Role, DateTimeOffset CreatedAt, UserKind Kind = UserKind.Person) : IIdentified
{
    public static string IdPrefix => "user";
}

/// <summary>A long random secret that stands for an account. Only its SHA-256 is kept.</summary>
/// <param name="Id">Public part.</param>
/// <param name="UserId">The account that it stands for: a person's, or an organisation's.</param>
/// <param name="Name">What the owner calls it.</param>
/// <param name="Prefix">The first characters of the secret, to recognise it in lists.</param>
/// <param name="SecretHash">SHA-256 of the whole secret.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="ExpiresAt">Null: never.</param>
/// <param name="RevokedAt">Null: in force.</param>
/// <param name="MakerId">Who made it: the person behind what is done with it. Null: the account itself.</param>
/// <param name="Scopes">The most that it may; null for all that its maker may.</param>
/// <param name="CallsPerMinute">Calls that may be made with it in a minute; null for as many as the node lets anybody make.</param>
/// <param name="SpendPerDay">The most that may be spent with it in a day of UTC; null for all that there is.</param>
/// <param name="LastUsedAt">When it was last used, to a minute or so; null for never, or not since that is noted.</param>
/// <param name="TokensPerMinute">Tokens that may be asked of models with it in a minute; null for no limit of its own.</param>
public sealed record ApiKey(
    Id<ApiKey> Id,
    Id<User> UserId,
    string Name,
    string Prefix,
    ContentHash SecretHash,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? RevokedAt,
    Id<User>? MakerId = null,
    PermissionSet? Scopes = null,
    int? CallsPerMinute = null,
    Money? SpendPerDay = null,
    DateTimeOffset? LastUsedAt = null,
    int? TokensPerMinute = null) : IIdentified
{
    public static string IdPrefix => "key";

    /// <summary>The person behind what is done with it.</summary>
    public Id<User> ActorId => MakerId ?? UserId;

    /// <summary>Whether it opens the door at that instant.</summary>
    public bool IsInForce(DateTimeOffset now) => RevokedAt is null && !(ExpiresAt <= now);
}
