namespace Stoa.Node.Builds;

/// <summary>What the node takes in.</summary>
public sealed record BuildsOptions
{
    /// <summary>Largest uploaded blob, in bytes. Default 1 GiB.</summary>
    public long MaxBlobBytes { get; init; } = 1L << 30;

    /// <summary>Largest program of an agent, in bytes. Default 64 MiB.</summary>
    public long MaxProgramBytes { get; init; } = 64L << 20;
}
