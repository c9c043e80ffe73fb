using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks.Models;

/// <summary>A request to a model with who earns what by it.</summary>
/// <param name="Request">As it was made.</param>
/// <param name="Shares">Of its price.</param>
/// <param name="Parts">Of the creator's share: its publisher, if there is any.</param>
/// <param name="Wallets">Where each is paid.</param>
internal sealed record SharedModelRequest(
    ModelRequest Request, Shares Shares, IReadOnlyList<RoyaltyPart> Parts, IReadOnlyDictionary<Id<User>, Id<Account>> Wallets)
{
    private int? Call => Request.Caller == 0 ? null : Request.Caller;

    public ReceiptModelRequest ToReceipt() => new(
        Request.Number,
        Call,
        Request.Asked,
        EnumWord.Of(Request.Kind),
        Request.Request,
        Request.Answer,
        Request.Failure,
        Request.Paid is { } paid ? ReceiptModelUse.Of(paid) : null,
        Shares.Total,
        Shares,
        [.. Parts.Select(part => new ReceiptRoyalty(part.Handle, part.Agent, part.Amount))]);

    public TaskModelRequest ToResult() => new(
        Request.Number,
        Call,
        Request.Asked,
        Request.Paid?.Model.Listing.ToString(),
        Request.Paid?.Model.Publisher,
        Request.Paid?.Used.InputTokens ?? 0,
        Request.Paid?.Used.OutputTokens ?? 0,
        Request.Failure,
        Shares.Total,
        Shares.Node,
        Shares.Platform,
        [.. Parts.Select(part => new CreatorPart(part.Payee, part.Handle, part.Agent.ToString(), part.Amount))]);
}
