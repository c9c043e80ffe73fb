using Stoa.Market.Auctions;
using Stoa.Market.Registry;
using Stoa.Market.Tasks.Models;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>Why a receipt is not to be believed.</summary>
public enum ReceiptFault
{
    /// <summary>The envelope holds something else, or a receipt that cannot be read.</summary>
    NotAReceipt,

    /// <summary>The peer id that it states is not that of the key that it carries.</summary>
    KeyMismatch,

    /// <summary>It is of another node than the one expected.</summary>
    OtherNode,

    /// <summary>No signature over these bytes was made by the node's key.</summary>
    SignatureInvalid,

    /// <summary>The shares do not sum to the price, or the royalties to the creator's share, or one of them is negative.</summary>
    SharesDoNotSum,

    /// <summary>More was used than the limits in it allow.</summary>
    UsageAboveLimits,

    /// <summary>The price is not what the rates and factors in it give for the usage in it.</summary>
    PriceUnexplained,

    /// <summary>Its calls are in no order, or one of them costs something and should not.</summary>
    CallsInvalid,

    /// <summary>Its requests to models are in no order, or say too little.</summary>
    ModelRequestsInvalid,

    /// <summary>Its rates are not those of the award that it names.</summary>
    AwardMismatch,
}

/// <summary>Checks what can be known from a receipt alone. What it swears is checked by running it again: the re-run.</summary>
public static class ReceiptVerifier
{
    /// <summary>Reads a receipt and checks form, key, signature and sums.</summary>
    /// <param name="envelope">As the node gave it.</param>
    /// <param name="expectedNode">The node that must have signed; null for whichever the receipt names.</param>
    public static Outcome<Receipt, ReceiptFault> Verify(DsseEnvelope envelope, PeerId? expectedNode)
    {
        if (!NodeRecord.Open(envelope, Receipt.PayloadType, "receipt", ReceiptJson.Read, receipt => receipt.NodeKey, expectedNode).TryGet(out var receipt, out var refusal))
            return Fault(ToFault(refusal.Code), refusal.Detail);
        if (!SharesSum(receipt.Shares, receipt.Price))
            return Fault(ReceiptFault.SharesDoNotSum, $"The shares of the receipt do not sum to its price of {receipt.Price}.");
        if (!RoyaltiesSum(receipt.Royalties, receipt.Shares.Creator))
            return Fault(ReceiptFault.SharesDoNotSum, $"The royalties of the receipt do not sum to its creator's share of {receipt.Shares.Creator}.");
        if (!UsageFits(receipt.Usage, receipt.Limits))
            return Fault(ReceiptFault.UsageAboveLimits, "The receipt swears to more use than its own limits allow.");
        if ((ReceiptCalls.FindFault(receipt) ?? ReceiptModels.FindFault(receipt) ?? ReceiptCalls.FindInParts(receipt)) is { } wrong)
            return wrong;
        return PriceIsExplained(receipt)
            ? receipt
            : Fault(ReceiptFault.PriceUnexplained, $"The rates of the receipt do not give its price of {receipt.Price} for its usage.");
    }

    /// <summary>Checks a receipt of a task that was won in an auction against the award that it names: decides the auction again.</summary>
    /// <param name="receipt">Verified before; it names an auction.</param>
    /// <param name="award">The signed award, as the node gave it.</param>
    public static Outcome<AwardRecord, ReceiptFault> VerifyAward(Receipt receipt, DsseEnvelope award)
    {
        if (ContentHash.Of(award.Payload) != receipt.Auction?.AwardDigest)
            return Fault(ReceiptFault.AwardMismatch, "The award is not the one that the receipt names.");
        if (!AwardVerifier.Verify(award, expectedNode: null).TryGet(out var record, out var fault))
            return Fault(ReceiptFault.AwardMismatch, fault.Detail);
        if (record.Announcement.Id != receipt.Auction.Id || record.Announcement.TaskId != receipt.TaskId.ToString())
            return Fault(ReceiptFault.AwardMismatch, "The award is of another auction or task.");
        var bidder = record.Announcement.Find($"{receipt.Agent.Publisher}/{receipt.Agent.Name}");
        var won = record.Decision.Ranking.FirstOrDefault(bid => bid.Agent == bidder?.Name)?.Award;
        return won is not null && bidder!.Agent == receipt.Agent && won.Rates == receipt.Pricing?.Rates && won.Factor == receipt.Pricing.Factor
            ? record
            : Fault(ReceiptFault.AwardMismatch, $"The award gives {receipt.Agent} other rates than the receipt states.");
    }

    internal static bool SharesSum(Shares shares, Money price) =>
        shares.Creator >= Money.Zero && shares.Node >= Money.Zero && shares.Platform >= Money.Zero
        && (Int128)shares.Creator.Nanodollars + shares.Node.Nanodollars + shares.Platform.Nanodollars == price.Nanodollars;

    internal static bool RoyaltiesSum(IReadOnlyList<ReceiptRoyalty> royalties, Money creator) => royalties.Count == 0
        || (royalties.All(part => part.Amount > Money.Zero)
            && royalties.Aggregate((Int128)0, (sum, part) => sum + part.Amount.Nanodollars) == creator.Nanodollars);

    internal static bool UsageFits(Usage usage, AgentLimits limits) =>
        usage.Fuel >= 0 && usage.Fuel <= limits.Fuel
        && usage.PeakMemoryBytes >= 0 && usage.PeakMemoryBytes <= limits.MemoryBytes
        && usage.OutputBytes >= 0 && usage.OutputBytes <= limits.OutputBytes;

    private static bool PriceIsExplained(Receipt receipt)
    {
        if (receipt.Pricing is not { } pricing)
            return receipt.Auction is null && receipt.ModelRequests.Count == 0;
        var work = TaskPricing.WorkOf(pricing.InputBytes, receipt.Limits, receipt.Usage);
        return !IsNegative(pricing.Rates) && pricing.Factor.IsInRange && work is { InputBytes: >= 0, DurationMs: >= 0 }
            && pricing.Rates.TryPrice(work, pricing.Factor, out var parts)
            && receipt.Calls.Select(call => call.Price).Concat(receipt.ModelRequests.Select(request => request.Price))
                .Aggregate((Int128)parts.Total.Nanodollars, (sum, price) => sum + price.Nanodollars) == receipt.Price.Nanodollars;
    }

    internal static bool IsNegative(AgentPrice rates) => rates.Base < Money.Zero || rates.PerMegabyte < Money.Zero
        || rates.PerGigafuel < Money.Zero || rates.PerGigabyteSecond < Money.Zero;

    private static ReceiptFault ToFault(NodeRecordFault fault) => fault switch
    {
        NodeRecordFault.NotARecord => ReceiptFault.NotAReceipt,
        NodeRecordFault.KeyMismatch => ReceiptFault.KeyMismatch,
        NodeRecordFault.OtherNode => ReceiptFault.OtherNode,
        NodeRecordFault.SignatureInvalid => ReceiptFault.SignatureInvalid,
        _ => throw new ArgumentOutOfRangeException(nameof(fault)),
    };

    private static Refusal<ReceiptFault> Fault(ReceiptFault fault, string detail) => new(fault, detail);
}
