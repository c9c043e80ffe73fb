using Stoa.Market.Inference;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>How a captured price is shared out, in whole percent.</summary>
public sealed record SplitPolicy
{
    /// <summary>70 to the creator, 25 to the node, 5 to the platform.</summary>
    public static SplitPolicy Default { get; } = new(70, 25, 5);

    /// <exception cref="ArgumentException">A part is negative, or they do not sum to 100.</exception>
    public SplitPolicy(int creatorPercent, int nodePercent, int platformPercent)
    {
        if (creatorPercent < 0 || nodePercent < 0 || platformPercent < 0
            || (long)creatorPercent + nodePercent + platformPercent != 100)
        {
            throw new ArgumentException(
                $"The shares of creator, node and platform are expected not to be negative and to sum to 100 percent, not {creatorPercent} + {nodePercent} + {platformPercent}.");
        }

        (CreatorPercent, NodePercent, PlatformPercent) = (creatorPercent, nodePercent, platformPercent);
    }

    public int CreatorPercent { get; }

    public int NodePercent { get; }

    public int PlatformPercent { get; }

    /// <summary>Shares out a price by largest remainder: the parts sum exactly to it.</summary>
    public Shares Split(Money price)
    {
        var parts = price.Split([CreatorPercent, NodePercent, PlatformPercent]);
        return new Shares(parts[0], parts[1], parts[2]);
    }

    /// <summary>Shares out what a request to a model costs: the listing's part as a price, what is asked for serving it without a creator, and what was paid at another operator's node to the node of this cell that has paid it.</summary>
    public Shares Split(InferencePrice price)
    {
        var (listing, platform) = (Split(price.Listing), PlatformOf(price.Serving));
        return new Shares(listing.Creator, listing.Node + (price.Serving - platform) + price.Supplied, listing.Platform + platform);
    }

    /// <summary>What is the market's of a price that has no creator: node and market share it as they do that of a task, by largest remainder.</summary>
    public Money PlatformOf(Money price) => NodePercent + PlatformPercent == 0 ? Money.Zero : price.Split([NodePercent, PlatformPercent])[1];
}

/// <summary>The parts of a captured price.</summary>
public sealed record Shares(Money Creator, Money Node, Money Platform)
{
    /// <summary>The price that they were made of.</summary>
    public Money Total => Creator + Node + Platform;
}
