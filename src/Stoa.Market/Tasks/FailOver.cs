using Stoa.Market.Builds;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Selection;

namespace Stoa.Market.Tasks;

/// <summary>The act of giving a task to the next best agent, when the one that had it failed.</summary>
/// <param name="tasks">Where the requirement and the input are.</param>
/// <param name="content">Where long inputs are.</param>
/// <param name="index">Chooses.</param>
/// <param name="cell">Knows where its nodes stand.</param>
/// <param name="maxMemoryBytes">The most memory that a task can get here.</param>
/// <param name="random">Chance of the choice; safe for many threads.</param>
/// <param name="remote">Knows the agents of the network.</param>
public sealed class FailOver(ITaskStore tasks, IContentStore content, AgentIndex index, Cell cell, long maxMemoryBytes, Random random, IRemoteOffers remote)
{
    /// <summary>How many agents try one task, the first one included.</summary>
    public const int MaxAgents = 3;

    /// <summary>The task with its next agent; null when it was given a name, or nobody is left who could do it for the money and the time that are.</summary>
    public async Task<(AgentTask Task, Reassignment Reassignment)?> NextAsync(AgentTask failed, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (await tasks.FindSelectionAsync(failed.Id, cancellationToken) is not { } selection || selection.Tried.Count + 1 >= MaxAgents)
            return null;
        var timeLeft = selection.DeadlineAt - now;
        if (timeLeft <= TimeSpan.Zero)
            return null;
        string[] tried = [.. selection.Tried, $"{failed.Agent.Publisher}/{failed.Agent.Name}"];
        // Whoever has a budget for an agent wants it kept, whichever way that agent comes by a task.
        var full = await tasks.FindFullBudgetsAsync(failed, now, cancellationToken);
        if (failed.Auction is { AwardDigest: not null })
        {
            var left = failed.Auction.Advance();
            while (left.Current is { } current && IsFull(full, current.Agent))
                left = left.Advance();
            return NextBid(failed, left, tried, now);
        }

        var parameters = failed.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value);
        var fit = new TaskFit(parameters, await ReadInputAsync(failed, cancellationToken)) { IsSealed = failed.Input.SealedTo is not null };
        var limits = selection.Limits;
        var query = new SelectionQuery(
            selection.Requirement with { Explores = false },
            failed.Input.SizeBytes,
            failed.MaxPrice,
            timeLeft,
            maxMemoryBytes,
            new LimitCaps(limits.Fuel, limits.MemoryBytes, limits.TimeoutMs),
            tried,
            full.Count == 0 ? fit.Takes : agent => !IsFull(full, agent.Listing) && fit.Takes(agent))
        {
            Priority = (int)failed.Priority,
            CallsNobody = failed.Input.SealedTo is not null,
            Paid = index.HasVolume(selection.Requirement) ? await tasks.CountPaidAsync(failed.OwnerId, now, cancellationToken) : SelectionQuery.NonePaid,
        };
        var choice = await ChooseAsync(failed, selection, query, now, cancellationToken);
        if (choice.Chosen is not { Agent: var next } chosen)
            return null;
        var accepted = TaskRules.CheckParameters(next.Parameters, parameters).Value;
        return (
            // Who had it because nobody has bid was the last one of the auction.
            failed.Reassign(next.Id, next.Listing, accepted, TaskRules.CapLimits(next.Limits, limits), now, TaskPricing.VolumeOf(chosen.Factor)) with { Auction = failed.Auction?.Advance() },
            new Reassignment(tried, choice) { Demand = TaskPricing.DemandOf(next.Factors, chosen.Factor) });
    }

    /// <summary>The best that is left, in the cell or beyond it.</summary>
    private async Task<Choice> ChooseAsync(AgentTask failed, StoredSelection selection, SelectionQuery query, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var scope = selection.Requirement.Scope;
        if (!RemoteReach.MayLeave(failed, selection.Requirement))
            return index.Choose(query, now, random);

        var places = await remote.FindPlacesAsync(failed.Id, cancellationToken);
        if (places.Preferred.Count > 0)
            query = query with { Preference = new RegionPreference(places.Preferred, cell.ShareIn(places.Preferred)) };
        // What was given away for its region is in no queue of that region here.
        var choice = failed.Agent.IsKeyed && places.Regions.Count > 0 ? NetworkChoice.Nobody(query, now) : index.Choose(query, now, random);
        if (choice.Chosen is not null && scope is not SelectionScope.Network)
            return choice;
        var search = new RemoteSearch(query.Requirement.Capabilities, query.InputBytes, selection.Limits, places, query.Budget, agent => !query.Excluded.Contains(agent.Name) && query.Takes(agent));
        return NetworkChoice.Join(choice, await remote.ListCandidatesAsync(search, cancellationToken), query, index.Policy);
    }

    private static bool IsFull(IReadOnlyList<string> full, ListingName agent) => full.Contains(agent.Publisher) || full.Contains($"{agent.Publisher}/{agent.Name}");

    private static (AgentTask Task, Reassignment Reassignment)? NextBid(
        AgentTask failed, TaskAuction auction, IReadOnlyList<string> tried, DateTimeOffset now) => auction.Current is { } next
        ? (failed.Reassign(next.AgentId, next.Agent, next.Parameters, next.Limits, now) with { Auction = auction },
            new Reassignment(tried, Choice: null) { Demand = next.Demand })
        : null;

    private async Task<ReadOnlyMemory<byte>?> ReadInputAsync(AgentTask task, CancellationToken cancellationToken)
    {
        if (task.Input.SealedTo is not null)
            return null;
        if (task.Input.IsInline)
            return await tasks.ReadInputAsync(task.Id, cancellationToken) is { } inline ? inline : (ReadOnlyMemory<byte>?)null;
        if (task.Input.SizeBytes > SubmitTask.MaxSchemaInputBytes)
            return null;
        await using var stream = await content.OpenAsync(task.Input.Digest, cancellationToken);
        if (stream is null)
            return null;
        var bytes = new byte[task.Input.SizeBytes];
        await stream.ReadExactlyAsync(bytes, cancellationToken);
        return bytes;
    }
}
