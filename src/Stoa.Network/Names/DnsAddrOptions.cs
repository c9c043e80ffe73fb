using Stoa.Network.Addressing;

namespace Stoa.Network.Names;

/// <summary>How far names are followed that stand for addresses.</summary>
public sealed record DnsAddrOptions
{
    /// <summary>How many names may follow from one another. Default 4.</summary>
    public int MaxDepth { get; init; } = 4;

    /// <summary>How many names are looked up for one address. Default 16.</summary>
    public int MaxLookups { get; init; } = 16;

    /// <summary>How many records of a name are read. Default 64.</summary>
    public int MaxRecords { get; init; } = 64;

    /// <summary>How many addresses are tried, one after the other. Default 8.</summary>
    public int MaxAddresses { get; init; } = 8;

    /// <summary>How long all lookups for one address may take together. Default 8 seconds.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>Where names may lead; records that lead elsewhere are left out. Default: anywhere.</summary>
    public NameReach Names { get; init; } = new();
}
