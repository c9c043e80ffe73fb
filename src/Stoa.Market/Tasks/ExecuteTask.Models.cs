using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <content>Attempts whose agents ask models.</content>
public sealed partial class ExecuteTask
{
    /// <summary>Lets the agents of an attempt ask models, for as long as it runs, and for what the hold has beyond the agent's own price at its limits.</summary>
    /// <returns>Null where none of them may, or this node asks none for agents.</returns>
    private TaskModels? OpenModels(AgentTask task, Known agent, PriceFactor factor, AgentLimits limits)
    {
        if (!agent.Calls.MayAsk)
            return null;
        var rates = task.RatesOr(agent.Version.Manifest.Price);
        var own = rates.TryPrice(PricedWork.AtLimits(task.Input.SizeBytes, task.Limits), factor, out var parts) ? parts.Total : task.MaxPrice;
        return models.Begin(task, Money.Max(Money.Zero, task.MaxPrice - own), Now().AddMilliseconds(limits.TimeoutMs));
    }

    /// <summary>Ends an attempt that has come to nothing though models have answered for it: they are paid out of the hold, and nobody else is.</summary>
    /// <remarks>
    /// Else whoever wants answers for nothing would have an agent write them to its log, and fail. For the same reason there is no next attempt, and no next agent: what is left of the hold may not be enough for what those would ask.
    /// </remarks>
    /// <param name="task">Of the attempt.</param>
    /// <param name="agent">That had it; null when it was not found.</param>
    /// <param name="requests">That were made.</param>
    /// <param name="end">Given what they cost, ends the task.</param>
    /// <param name="log">What is kept of its log.</param>
    /// <returns>Null when there is nothing to pay.</returns>
    private async Task<AttemptEnd?> PayModelsAsync(AgentTask task, Known? agent, IReadOnlyList<ModelRequest> requests, Func<Money, AgentTask> end, KeptLog log)
    {
        if (agent is null || task.Hold is null || !HavePaid(requests))
            return null;
        var shared = await ShareAsync(requests);
        var earned = new TaskEarnings(task.Agent, agent.Version, new Shares(Money.Zero, Money.Zero, Money.Zero), [], [], shared);
        var (next, now) = (end(earned.Shares.Total), Now());
        return new AttemptEnd(
            next, Settlement.Capture(task, earned.Shares, PayeesOf(agent, SharedCall.WalletsOf(agent.Wallets, [], shared), earned.Parts), ids, now), null, null, log,
            [TaskEvents.Ended(next, now), .. earned.ByAgent().Where(_ => task.BatchId is null).Select(part => TaskEvents.RoyaltyEarned(next, part.Agent, part.Payee, part.Amount, now))]);
    }

    private static bool HavePaid(IReadOnlyList<ModelRequest> requests) => requests.Any(request => request.Paid?.Price.Total > Money.Zero);

    /// <summary>Shares out what each request costs.</summary>
    private async Task<IReadOnlyList<SharedModelRequest>> ShareAsync(IReadOnlyList<ModelRequest> requests)
    {
        var shared = new List<SharedModelRequest>(requests.Count);
        foreach (var request in requests)
        {
            var shares = split.Split(request.Paid?.Price ?? default(InferencePrice));
            if (shares.Creator == Money.Zero)
            {
                shared.Add(new SharedModelRequest(request, shares, [], new Dictionary<Id<User>, Id<Account>>()));
                continue;
            }

            // Of a model without a publisher of this cell there is no listing price, and so no creator's share.
            var (model, publisher) = (request.Paid!.Model.Listing, request.Paid.Model.Publisher!.Value);
            shared.Add(new SharedModelRequest(
                request, shares, [new RoyaltyPart(publisher, model.Publisher, model, shares.Creator)], new Dictionary<Id<User>, Id<Account>> { [publisher] = await WalletOfAsync(publisher) }));
        }

        return shared;
    }

    private async Task<Id<Account>> WalletOfAsync(Id<User> payee) =>
        (await ledger.FindAccountAsync(payee.ToString(), AccountKind.Wallet, CancellationToken.None)
            ?? await ledger.OpenAccountAsync(Account.Open(ids.Next<Account>(), payee.ToString(), AccountKind.Wallet, Now()), CancellationToken.None)).Id;
}
