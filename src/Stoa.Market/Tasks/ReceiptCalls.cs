using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>What of the calls of a receipt can be known from it alone.</summary>
internal static class ReceiptCalls
{
    /// <summary>The first thing that is wrong with them; null when nothing is.</summary>
    public static Refusal<ReceiptFault>? FindFault(Receipt receipt)
    {
        var calls = receipt.Calls;
        var isPaid = new bool[calls.Count + 1];
        isPaid[0] = true;
        for (var index = 0; index < calls.Count; index++)
        {
            var call = calls[index];
            // A call is made by one that began before it: so there is no circle.
            if (call.Number != index + 1 || call.Parent is <= 0 || call.Parent >= call.Number)
                return Fault(ReceiptFault.CallsInvalid, $"Call {index + 1} of the receipt is out of order.");
            isPaid[call.Number] = call.Failure is null && isPaid[call.Parent ?? 0];
            if ((call.Failure is null) != (call.OutputDigest is not null))
                return Fault(ReceiptFault.CallsInvalid, $"Call {call.Number} of the receipt has an output and has failed, or neither.");
            if (!ReceiptVerifier.SharesSum(call.Shares, call.Price) || !ReceiptVerifier.RoyaltiesSum(call.Royalties, call.Shares.Creator)
                || (call.Royalties.Count == 0 && call.Shares.Creator > Money.Zero))
            {
                return Fault(ReceiptFault.SharesDoNotSum, $"The parts of call {call.Number} do not sum to its price of {call.Price}.");
            }

            if (!ReceiptVerifier.UsageFits(call.Usage, call.Limits))
                return Fault(ReceiptFault.UsageAboveLimits, $"Call {call.Number} of the receipt used more than its own limits allow.");
            if (!isPaid[call.Number] && call.Price != Money.Zero)
                return Fault(ReceiptFault.CallsInvalid, $"Call {call.Number} of the receipt costs {call.Price}, although it or the one that it was made for has failed.");
            if (isPaid[call.Number] && !IsExplained(call))
                return Fault(ReceiptFault.PriceUnexplained, $"The rates of call {call.Number} do not give its price of {call.Price} for its usage.");
        }

        return null;
    }

    /// <summary>Each part of each call, and of each request to a model, must be in the parts of the whole.</summary>
    public static Refusal<ReceiptFault>? FindInParts(Receipt receipt)
    {
        List<(Shares Shares, IReadOnlyList<ReceiptRoyalty> Royalties)> parts =
            [.. receipt.Calls.Select(call => (call.Shares, call.Royalties)), .. receipt.ModelRequests.Select(request => (request.Shares, request.Royalties))];
        if (parts.Count == 0)
            return null;
        var (creator, node, platform) = parts.Aggregate(((Int128)0, (Int128)0, (Int128)0), (sum, part) => (
            sum.Item1 + part.Shares.Creator.Nanodollars, sum.Item2 + part.Shares.Node.Nanodollars, sum.Item3 + part.Shares.Platform.Nanodollars));
        if (creator > receipt.Shares.Creator.Nanodollars || node > receipt.Shares.Node.Nanodollars || platform > receipt.Shares.Platform.Nanodollars)
            return Fault(ReceiptFault.SharesDoNotSum, "The shares of the calls and of the requests to models are more than those of the whole receipt.");
        var whole = receipt.Royalties.GroupBy(Key).ToDictionary(same => same.Key, Sum);
        return parts.SelectMany(part => part.Royalties).GroupBy(Key).FirstOrDefault(same => Sum(same) > whole.GetValueOrDefault(same.Key)) is { } lost
            ? Fault(ReceiptFault.SharesDoNotSum, $"What {lost.Key.To} has for {lost.Key.Agent} by calls or requests is not in the royalties of the receipt.")
            : null;

        static (string To, ListingName Agent) Key(ReceiptRoyalty part) => (part.To, part.Agent);

        static Int128 Sum(IEnumerable<ReceiptRoyalty> parts) => parts.Aggregate((Int128)0, (sum, part) => sum + part.Amount.Nanodollars);
    }

    private static bool IsExplained(ReceiptCall call)
    {
        var work = TaskPricing.WorkOf(call.Pricing.InputBytes, call.Limits, call.Usage);
        return !ReceiptVerifier.IsNegative(call.Pricing.Rates) && call.Pricing.Factor == PriceFactor.One && work is { InputBytes: >= 0, DurationMs: >= 0 }
            && call.Pricing.Rates.TryPrice(work, out var parts) && parts.Total == call.Price;
    }

    private static Refusal<ReceiptFault> Fault(ReceiptFault fault, string detail) => new(fault, detail);
}
