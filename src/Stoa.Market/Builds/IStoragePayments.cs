using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Builds;

/// <summary>Knows whether users pay for what they have in the content store.</summary>
public interface IStoragePayments
{
    /// <summary>Why a user may not use what is in the content store as his own, in words for him; null when he may.</summary>
    Task<string?> WhyUnusableAsync(Id<User> user, CancellationToken cancellationToken);
}
