using Stoa.Primitives;

namespace Stoa.Market.Identity;

/// <summary>What one user may take up.</summary>
/// <param name="OpenTasks">Tasks that wait or run.</param>
/// <param name="ContentBytes">Uploads, outputs and programs in the content store. Outputs are stored when it is exceeded; what is brought is not.</param>
public sealed record UserQuota(long OpenTasks, long ContentBytes);

/// <summary>What a user takes up, and what an administrator has let this one take up.</summary>
/// <param name="UserId">The user.</param>
/// <param name="OpenTasks">Tasks that wait or run.</param>
/// <param name="ContentBytes">Bytes in the content store.</param>
/// <param name="MaxOpenTasks">Null for what everybody may.</param>
/// <param name="MaxContentBytes">Null for what everybody may.</param>
public sealed record UserUsage(Id<User> UserId, long OpenTasks, long ContentBytes, long? MaxOpenTasks, long? MaxContentBytes)
{
    /// <summary>The greatest limit that can be set.</summary>
    public const long GreatestLimit = 1L << 50;

    /// <summary>The limits that hold.</summary>
    /// <param name="everybody">Those of everybody.</param>
    public UserQuota QuotaWithin(UserQuota everybody) => new(MaxOpenTasks ?? everybody.OpenTasks, MaxContentBytes ?? everybody.ContentBytes);
}
