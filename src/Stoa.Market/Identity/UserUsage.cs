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
/// <param name="PlanOpenTasks">What the user's plan says of open tasks; null when he has none, or it says nothing.</param>
/// <param name="PlanContentBytes">The same of content.</param>
/// <param name="UnpaidSince">Since when what is in the content store is not paid; null when it is.</param>
/// <param name="IsOrganisation">Whether it is an organisation, which has nothing for nothing.</param>
public sealed record UserUsage(
    Id<User> UserId, long OpenTasks, long ContentBytes, long? MaxOpenTasks, long? MaxContentBytes, long? PlanOpenTasks = null, long? PlanContentBytes = null,
    DateTimeOffset? UnpaidSince = null, bool IsOrganisation = false)
{
    /// <summary>The greatest limit that can be set.</summary>
    public const long GreatestLimit = 1L << 50;

    /// <summary>The limits that hold: an administrator's word about this user, else that of the user's plan, else everybody's.</summary>
    /// <param name="everybody">Those of everybody.</param>
    public UserQuota QuotaWithin(UserQuota everybody) => new(
        MaxOpenTasks ?? PlanOpenTasks ?? everybody.OpenTasks, MaxContentBytes ?? PlanContentBytes ?? everybody.ContentBytes);
}
