namespace Stoa.Network.Kademlia;

/// <summary>How much a node keeps for the network. Sizes are in bytes: what a record has, and <see cref="Overhead"/>.</summary>
public sealed record RecordStoreOptions
{
    /// <summary>What a record takes besides its key and its content, in bytes, about.</summary>
    public const int Overhead = 256;

    /// <summary>How much all values take.</summary>
    public long MaxValueBytes { get; init; } = 64 << 20;

    /// <summary>The same of provider records.</summary>
    public long MaxProviderBytes { get; init; } = 64 << 20;

    /// <summary>How much of each of both one peer may take.</summary>
    public long MaxBytesPerPeer { get; init; } = 4 << 20;

    /// <summary>The same of one network of addresses.</summary>
    public long MaxBytesPerNetwork { get; init; } = 16 << 20;

    /// <summary>How many providers a key has.</summary>
    public int MaxProvidersPerKey { get; init; } = 64;

    /// <summary>How many of these are of one network.</summary>
    public int MaxProvidersPerKeyAndNetwork { get; init; } = 8;

    /// <summary>How long a value is kept after it came last.</summary>
    public TimeSpan ValueLifetime { get; init; } = TimeSpan.FromHours(36);

    /// <summary>The same of provider records.</summary>
    public TimeSpan ProviderLifetime { get; init; } = TimeSpan.FromHours(24);
}
