using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Builds;

/// <summary>Takes out of the catalogue what <see cref="AgentPublisher"/> has listed, and lists it again.</summary>
/// <remarks>A version stays as it is: who has a receipt of it can check that, and agents that were published with it in their uses go on calling it.</remarks>
/// <param name="agents">The catalogue.</param>
/// <param name="content">Where programs are.</param>
/// <param name="time">The clock.</param>
public sealed class AgentWithdrawals(IAgentStore agents, IContentStore content, TimeProvider time)
{
    /// <summary>Offers a version no more, or all versions that an agent has now. Doing so again changes the reason, and not the time.</summary>
    /// <param name="publisher">Who withdraws.</param>
    /// <param name="listing">An agent of the publisher.</param>
    /// <param name="reason">A <see cref="StatedReason"/>; null for none.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    /// <returns>What is left, or <see cref="WithdrawalRefusal.AgentNotYours"/> or <see cref="WithdrawalRefusal.ReasonInvalid"/>.</returns>
    public async Task<Outcome<AgentOffer, WithdrawalRefusal>> WithdrawAsync(
        Id<User> publisher, ListingName listing, string? reason, CancellationToken cancellationToken)
    {
        if (reason is not null && !StatedReason.IsGiven(reason))
        {
            return new Refusal<WithdrawalRefusal>(
                WithdrawalRefusal.ReasonInvalid,
                "Say it in one line, or leave it out.",
                [new FieldError("/reason", $"Expected are {StatedReason.MustBe}.")]);
        }

        return await agents.WithdrawAsync(publisher, listing, reason, time.GetUtcNow().ToMilliseconds(), cancellationToken);
    }

    /// <summary>Offers a version again, or all those that were withdrawn with the whole agent. What is offered already stays so.</summary>
    /// <param name="publisher">Who had withdrawn it.</param>
    /// <param name="listing">An agent of the publisher.</param>
    /// <param name="cancellationToken">Changes nothing.</param>
    /// <returns>What is offered, or <see cref="WithdrawalRefusal.AgentNotYours"/> or <see cref="WithdrawalRefusal.ContentGone"/>.</returns>
    public async Task<Outcome<AgentOffer, WithdrawalRefusal>> ReinstateAsync(Id<User> publisher, ListingName listing, CancellationToken cancellationToken)
    {
        var gone = new List<FieldError>();
        foreach (var version in await agents.ListReinstatableAsync(publisher, listing, cancellationToken))
        {
            foreach (var digest in new[] { version.ArtifactDigest, version.ProgramDigest })
            {
                if (await content.StatAsync(digest, cancellationToken) is null)
                    gone.Add(new FieldError("", $"{version.Listing} consists of {digest}, which is not stored any more."));
            }
        }

        return gone.Count > 0
            ? new Refusal<WithdrawalRefusal>(WithdrawalRefusal.ContentGone, "Nothing was reinstated. Publish the program as a new version, or reinstate versions one by one.", gone)
            : await agents.ReinstateAsync(publisher, listing, time.GetUtcNow().ToMilliseconds(), cancellationToken);
    }
}
