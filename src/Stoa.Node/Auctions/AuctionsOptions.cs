using Stoa.Market.Auctions;

namespace Stoa.Node.Auctions;

/// <summary>How this node holds auctions.</summary>
public sealed record AuctionsOptions
{
    /// <summary>How agents bid whose publishers have not said: their posted prices, or not at all. Default posted.</summary>
    public DefaultBidding DefaultBidding { get; init; } = DefaultBidding.Posted;

    /// <summary>How many tasks of one consumer may be out to bids at once. Default 100.</summary>
    public int MaxOpenPerConsumer { get; init; } = 100;

    /// <summary>How often a node looks for auctions that were left undecided by a node that vanished, in milliseconds. Default 1,000.</summary>
    public int PollMs { get; init; } = 1_000;

    /// <summary>How long a publisher's bidding program may take, in milliseconds, and never longer than half the window. Default 75.</summary>
    public int ProgramTimeoutMs { get; init; } = 75;

    /// <summary>How much fuel a publisher's bidding program may burn. Default 10,000,000.</summary>
    public long ProgramFuel { get; init; } = 10_000_000;

    /// <summary>How much memory a publisher's bidding program may use, in bytes. Default 16 MiB.</summary>
    public long ProgramMemoryBytes { get; init; } = 16 << 20;

    /// <summary>How many bidding programs run at once. Default 2.</summary>
    public int ProgramWorkers { get; init; } = 2;

    /// <summary>What <see cref="DefaultBidding"/> stands for.</summary>
    public BiddingPolicy ToPolicy() => DefaultBidding is DefaultBidding.Posted ? new BiddingPolicy.Posted() : new BiddingPolicy.None();

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (MaxOpenPerConsumer is < 1 or > 100_000)
            yield return "Auctions:MaxOpenPerConsumer is from 1 to 100000.";
        if (PollMs is < 10 or > 60_000)
            yield return "Auctions:PollMs is from 10 to 60000.";
        if (ProgramTimeoutMs is < 1 or > AuctionTerms.MaxWindowMs)
            yield return $"Auctions:ProgramTimeoutMs is from 1 to {AuctionTerms.MaxWindowMs}.";
        if (ProgramFuel is < 1 or > 10_000_000_000)
            yield return "Auctions:ProgramFuel is from 1 to 10000000000.";
        if (ProgramMemoryBytes is < 65_536 or > 1 << 30)
            yield return "Auctions:ProgramMemoryBytes is from 65536 to 1073741824.";
        if (ProgramWorkers is < 1 or > 256)
            yield return "Auctions:ProgramWorkers is from 1 to 256.";
    }
}

/// <summary>How agents bid whose publishers have not said.</summary>
public enum DefaultBidding
{
    /// <summary>Their posted prices.</summary>
    Posted,

    /// <summary>Not at all.</summary>
    None,
}
