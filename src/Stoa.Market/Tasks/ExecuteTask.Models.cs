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
