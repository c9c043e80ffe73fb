namespace Stoa.Node.Builds;

/// <summary>What the node takes in.</summary>
public sealed record BuildsOptions
{
    private const long LargestProgramBytes = 512L << 20;

    /// <summary>Largest uploaded blob, in bytes. Default 1 GiB.</summary>
    public long MaxBlobBytes { get; init; } = 1L << 30;

    /// <summary>Largest program of an agent, in bytes, at most 512 MiB. Default 64 MiB.</summary>
    public long MaxProgramBytes { get; init; } = 64L << 20;

    public IEnumerable<string> Validate()
    {
        if (MaxBlobBytes < 1)
            yield return "Builds:MaxBlobBytes is at least 1.";
        if (MaxProgramBytes is < 1 or > LargestProgramBytes)
            yield return $"Builds:MaxProgramBytes is from 1 to {LargestProgramBytes}.";
    }
}
