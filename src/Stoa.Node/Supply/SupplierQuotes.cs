using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Registry.Offers;
using Stoa.Node.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>Asks suppliers what they would take, all at once, and puts the best first.</summary>
/// <param name="suppliers">Who they are.</param>
/// <param name="offers">What they say that they have at hand.</param>
/// <param name="connections">The way to them.</param>
/// <param name="options">How long they have.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of those that do not answer.</param>
public sealed class SupplierQuotes(
    SqlSuppliers suppliers, SqlOffers offers, SupplierConnections connections, SupplyOptions options, TimeProvider time, ILogger<SupplierQuotes> logger)
{
    /// <summary>Those that offer the program, stand where they may, and say a price; the best first. Where many do, only those are asked that would be the best by the prices that they post.</summary>
    public async Task<IReadOnlyList<SupplierQuote>> RankAsync(QuoteRequest request, CancellationToken cancellationToken)
    {
        var all = (await suppliers.ListAsync(new Market.PageRequest(options.MaxSuppliers), cancellationToken)).Items;
        var offering = await offers.ListNodesWithAsync(request.Program, [.. all.Select(supplier => supplier.Node)], time.GetUtcNow(), cancellationToken);
        var fit = all.Where(supplier => offering.TryGetValue(supplier.Node, out var offer) && (request.Places.Regions.Count == 0 || (offer.Region is { } region && request.Places.Regions.Contains(region))))
            .Select(supplier => new SupplierPosting(supplier, offering[supplier.Node].PriceOf(request.Program), offering[supplier.Node].Region));
        var asked = SupplierChoice.Promising(fit, PricedWork.AtLimits(request.InputBytes, request.Limits), request.Places.Preferred, options.MaxAsked);
        var quotes = await Task.WhenAll(asked.Select(posting => AskAsync(posting.Supplier, posting.Region, request, cancellationToken)));
        return SupplierChoice.Rank(quotes.OfType<SupplierQuote>(), request.Places.Preferred);
    }

    private async Task<SupplierQuote?> AskAsync(Supplier supplier, string? region, QuoteRequest request, CancellationToken cancellationToken)
    {
        var timeout = TimeSpan.FromMilliseconds(options.QuoteTimeoutMs);
        using var client = connections.Open(supplier.Address, timeout);
        using var late = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        var since = time.GetTimestamp();
        try
        {
            var quote = await client.QuoteProgramAsync(request.Program.ToString(), request.InputBytes, request.Limits.ToContract(), either.Token);
            var latency = time.GetElapsedTime(since);
            if (!Money.TryParse(quote.Amount, out var amount) || amount < Money.Zero || quote.Node != supplier.Node.ToString())
                throw new FormatException($"It answered as {quote.Node}, with the price '{quote.Amount}'.");
            await suppliers.MeasureAsync(supplier, latency, cancellationToken);
            return new SupplierQuote(supplier, amount, latency) { Name = ListingName.TryParse(quote.Agent, null, out var agent) ? agent.Name : null, Region = region };
        }
        catch (Exception failure) when (SupplierFaults.IsOfSupplier(failure) && !cancellationToken.IsCancellationRequested)
        {
            logger.LogInformation("The supplier {Node} at {Address} says no price: {Reason}", supplier.Node, supplier.Address, failure.Message);
            return null;
        }
    }
}
