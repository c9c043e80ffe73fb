using Stoa.Primitives;

namespace Stoa.Market.Tasks.Models;

/// <summary>What of the requests to models of a receipt can be known from it alone.</summary>
internal static class ReceiptModels
{
    /// <summary>The first thing that is wrong with them; null when nothing is.</summary>
    /// <param name="receipt">Whose calls were checked.</param>
    public static Refusal<ReceiptFault>? FindFault(Receipt receipt)
    {
        var isPaid = new bool[receipt.Calls.Count + 1];
        isPaid[0] = true;
        foreach (var call in receipt.Calls)
            isPaid[call.Number] = call.Failure is null && isPaid[call.Parent ?? 0];
        for (var index = 0; index < receipt.ModelRequests.Count; index++)
        {
            var request = receipt.ModelRequests[index];
            if (request.Number != index + 1 || request.Call is <= 0 || request.Call > receipt.Calls.Count)
                return Fault(ReceiptFault.ModelRequestsInvalid, $"Request {index + 1} to a model is out of order, or made by no call of the receipt.");
            if (request.Failure is null && request.Used is null)
                return Fault(ReceiptFault.ModelRequestsInvalid, $"Request {request.Number} was answered, and the receipt does not say by which model.");
            if (!ReceiptVerifier.SharesSum(request.Shares, request.Price) || !ReceiptVerifier.RoyaltiesSum(request.Royalties, request.Shares.Creator)
                || (request.Royalties.Count == 0 && request.Shares.Creator > Money.Zero))
            {
                return Fault(ReceiptFault.SharesDoNotSum, $"The parts of request {request.Number} do not sum to its price of {request.Price}.");
            }

            // Less it may be: no more is taken than was set aside before, whatever the price has become meanwhile.
            if (request.Price > Money.Zero && !(isPaid[request.Call ?? 0] && request.Used?.Price >= request.Price))
                return Fault(ReceiptFault.PriceUnexplained, $"The prices of request {request.Number} do not give its price of {request.Price} for its tokens.");
        }

        return null;
    }

    private static Refusal<ReceiptFault> Fault(ReceiptFault fault, string detail) => new(fault, detail);
}
