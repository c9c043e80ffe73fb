using System.Globalization;

namespace Stoa.Node.Registry.Replication;

/// <summary>How the registry's statements get from node to node.</summary>
public sealed record RegistryOptions
{
    /// <summary>How often statements are compared with those of each peer, in seconds; give or take a quarter, so that not all nodes do so at once. Default 300. They are compared at once when a connection comes about.</summary>
    public int SyncSeconds { get; init; } = 300;

    /// <summary>With how many peers this node compares its statements at once. Default 4.</summary>
    public int MaxSyncs { get; init; } = 4;

    /// <summary>How many peers may compare theirs with this node's at once. Default 16.</summary>
    public int MaxServedSyncs { get; init; } = 16;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (SyncSeconds is < 1 or > 86_400)
            yield return string.Create(CultureInfo.InvariantCulture, $"Registry:SyncSeconds is from 1 to 86400.");
        if (MaxSyncs is < 1 or > 64)
            yield return string.Create(CultureInfo.InvariantCulture, $"Registry:MaxSyncs is from 1 to 64.");
        if (MaxServedSyncs is < 1 or > 256)
            yield return string.Create(CultureInfo.InvariantCulture, $"Registry:MaxServedSyncs is from 1 to 256.");
    }
}
