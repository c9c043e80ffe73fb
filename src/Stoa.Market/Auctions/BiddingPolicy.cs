using System.Text.Json.Serialization;
using Stoa.Primitives;

namespace Stoa.Market.Auctions;

/// <summary>What makes the bids of an agent, as its publisher wants it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "policy")]
[JsonDerivedType(typeof(Posted), "posted")]
[JsonDerivedType(typeof(Fixed), "fixed")]
[JsonDerivedType(typeof(LoadAware), "loadAware")]
[JsonDerivedType(typeof(Wasm), "wasm")]
[JsonDerivedType(typeof(External), "external")]
[JsonDerivedType(typeof(None), "none")]
public abstract record BiddingPolicy
{
    private BiddingPolicy()
    {
    }

    /// <summary>The posted rates are the bid.</summary>
    public sealed record Posted : BiddingPolicy;

    /// <summary>Always the same bid.</summary>
    /// <param name="FactorMillionths">Of the posted rates, from 0 to 1,000,000; null when there is a price.</param>
    /// <param name="Price">For the whole task; null when there is a factor.</param>
    public sealed record Fixed(long? FactorMillionths, Money? Price) : BiddingPolicy
    {
        /// <summary>The bid.</summary>
        [JsonIgnore]
        public Ask Ask => Price is { } amount ? new Ask.Price(amount) : new Ask.Factor(FactorMillionths ?? Ask.Factor.One);
    }

    /// <summary>A factor that rises evenly with what the agent has to do.</summary>
    /// <param name="IdleMillionths">Of the posted rates when it has nothing to do.</param>
    /// <param name="BusyMillionths">When it has <paramref name="FullLoad"/> tasks or more; not less than idle.</param>
    /// <param name="FullLoad">From 1 to <see cref="MaxFullLoad"/>.</param>
    public sealed record LoadAware(long IdleMillionths, long BusyMillionths, int FullLoad) : BiddingPolicy
    {
        /// <summary>The most tasks at a node at which the factor still rises.</summary>
        public const int MaxFullLoad = 10_000;

        /// <summary>The bid under a load.</summary>
        public Ask AskAt(int load) =>
            new Ask.Factor(IdleMillionths + ((BusyMillionths - IdleMillionths) * Math.Clamp(load, 0, FullLoad) / FullLoad));
    }

    /// <summary>A program of the publisher's own, run in the sandbox: it reads the announcement and writes the bid.</summary>
    /// <param name="Program">Digest of the module.</param>
    public sealed record Wasm(ContentHash Program) : BiddingPolicy;

    /// <summary>A service of the publisher's own bids over the API, signed with this key.</summary>
    /// <param name="Key">DER SubjectPublicKeyInfo of a P-256 key.</param>
    public sealed record External(byte[] Key) : BiddingPolicy
    {
        public bool Equals(External? other) => other is not null && Key.AsSpan().SequenceEqual(other.Key);

        public override int GetHashCode() => Key[^1];
    }

    /// <summary>It never bids.</summary>
    public sealed record None : BiddingPolicy;
}
