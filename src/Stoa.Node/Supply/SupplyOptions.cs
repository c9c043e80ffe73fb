using Stoa.Primitives;

namespace Stoa.Node.Supply;

/// <summary>How this node deals with other operators' nodes that run tasks for it.</summary>
public sealed record SupplyOptions
{
    /// <summary>How long a supplier has to say a price, in milliseconds. Default 5,000.</summary>
    public int QuoteTimeoutMs { get; init; } = 5_000;

    /// <summary>How long a supplier has beyond the time limit of a task, in seconds: for the way there and back, and until it begins. Default 60.</summary>
    public int PatienceSeconds { get; init; } = 60;

    /// <summary>The slowest at which an input may go to a supplier, in bytes per second: it has as much longer as the input takes at that. Default 131,072.</summary>
    public int MinInputBytesPerSecond { get; init; } = 128 << 10;

    /// <summary>How many suppliers there may be. Default 32.</summary>
    public int MaxSuppliers { get; init; } = 32;

    /// <summary>How many of those that offer an agent are asked for a price, at most: those that would be the best by the prices that they post. Default 16.</summary>
    public int MaxAsked { get; init; } = 16;

    /// <summary>How many listings are looked at, the best rated ones, for a task that names only the work. Default 200.</summary>
    public int MaxListings { get; init; } = 200;

    /// <summary>Of how many of these that suppliers offer prices are asked for. Default 8.</summary>
    public int MaxCandidates { get; init; } = 8;

    /// <summary>The share of the tasks done by suppliers that is done again elsewhere and compared, from 0 to 1. Default 0.02, that is two in a hundred.</summary>
    public double SpotCheckShare { get; init; } = 0.02;

    /// <summary>What calls at other suppliers for this may cost on one day (UTC), in US dollars. Default 1. What this node runs itself costs nothing.</summary>
    public string SpotCheckDailyUsd { get; init; } = "1";

    /// <summary>How often it is looked for what is to be done again, in milliseconds. Default 10,000.</summary>
    public int SpotCheckPollMs { get; init; } = 10_000;

    /// <summary>Whether answers of models are bought of suppliers: requests for models that only they serve, or that no server of this cell is free for, go to them. Default true.</summary>
    public bool BuysModels { get; init; } = true;

    /// <summary>How often each supplier is asked which models it sells and for how much, in seconds. Default 30.</summary>
    public int ModelsSeconds { get; init; } = 30;

    /// <summary>How many requests at once go to a supplier for each of its models. Default 64.</summary>
    public int ModelRequests { get; init; } = 64;

    /// <summary>How much is promised to a supplier at a time for requests to models, in US dollars; more where one request costs more, and up to twice as much where more is spent in two seconds. So much is at stake at it, too, should its books be others, and twice as much at most may be in doubt. Default 0.05.</summary>
    public string ModelBlockUsd { get; init; } = "0.05";

    /// <summary>The highest price at which answers of a model are bought of a supplier, in US dollars for a million tokens, read or written: those that are dearer are not served here. Default 1,000.</summary>
    public string ModelMostPrice { get; init; } = "1000";

    /// <summary>How often what requests to models have cost at suppliers is written, in milliseconds. Default 1,000.</summary>
    public int SpentMs { get; init; } = 1_000;

    internal Money ModelBlock => Money.Parse(ModelBlockUsd);

    /// <summary>How much a supplier may have charged of which nothing is known; beyond it it gets no requests to models.</summary>
    internal Money MostDoubtful => ModelBlock + ModelBlock;

    internal Money ModelMost => Money.Parse(ModelMostPrice);

    /// <summary>How long a supplier has beyond the time limit of a run, with an input of that size.</summary>
    internal TimeSpan PatienceFor(long inputBytes) => TimeSpan.FromSeconds(PatienceSeconds + ((double)inputBytes / MinInputBytesPerSecond));

    internal Money SpotCheckDailyMost => Money.Parse(SpotCheckDailyUsd);

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (QuoteTimeoutMs is < 100 or > 60_000)
            yield return "Supply:QuoteTimeoutMs is from 100 to 60000.";
        if (PatienceSeconds is < 1 or > 3_600)
            yield return "Supply:PatienceSeconds is from 1 to 3600.";
        if (MinInputBytesPerSecond is < 1_024 or > 1 << 30)
            yield return "Supply:MinInputBytesPerSecond is from 1024 to 1073741824.";
        if (ModelsSeconds is < 1 or > 3_600)
            yield return "Supply:ModelsSeconds is from 1 to 3600.";
        if (ModelRequests is < 1 or > Market.Inference.Routing.Replica.MostRequests)
            yield return $"Supply:ModelRequests is from 1 to {Market.Inference.Routing.Replica.MostRequests}.";
        if (!Money.TryParse(ModelBlockUsd, out var block) || block <= Money.Zero || block > Money.FromDollars(1_000))
            yield return "Supply:ModelBlockUsd is an amount of US dollars above 0, up to 1000, such as 0.05.";
        if (!Money.TryParse(ModelMostPrice, out var mostPrice) || mostPrice < Money.Zero || mostPrice > Money.FromDollars(1_000_000))
            yield return "Supply:ModelMostPrice is an amount of US dollars from 0 to 1000000, such as 1000.";
        if (SpentMs is < 10 or > 60_000)
            yield return "Supply:SpentMs is from 10 to 60000.";
        if (MaxSuppliers is < 1 or > 200)
            yield return "Supply:MaxSuppliers is from 1 to 200.";
        if (MaxAsked is < 1 or > 200)
            yield return "Supply:MaxAsked is from 1 to 200.";
        if (!(SpotCheckShare is >= 0 and <= 1))
            yield return "Supply:SpotCheckShare is from 0 to 1.";
        if (!Money.TryParse(SpotCheckDailyUsd, out var daily) || daily < Money.Zero)
            yield return "Supply:SpotCheckDailyUsd is an amount of US dollars such as 1 or 0.50.";
        if (SpotCheckPollMs is < 10 or > 3_600_000)
            yield return "Supply:SpotCheckPollMs is from 10 to 3600000.";
        if (MaxListings is < 1 or > 1_000)
            yield return "Supply:MaxListings is from 1 to 1000.";
        if (MaxCandidates is < 1 or > 64)
            yield return "Supply:MaxCandidates is from 1 to 64.";
    }
}
