namespace Stoa.Node.Builds;

/// <summary>What the node takes in.</summary>
public sealed record BuildsOptions
{
    private const int MostAtATime = 1_000;
    private const int SecondsOfADay = 24 * 60 * 60;
    // Sums of uploads under way stay far below what a number holds.
    private const long LargestBlobBytes = 1L << 50;
    private const long LargestProgramBytes = 512L << 20;

    /// <summary>Largest uploaded blob, in bytes, at most 1 PiB. Default 1 GiB.</summary>
    public long MaxBlobBytes { get; init; } = 1L << 30;

    /// <summary>Largest program of an agent, in bytes, at most 512 MiB. Default 64 MiB.</summary>
    public long MaxProgramBytes { get; init; } = 64L << 20;

    /// <summary>How many uploads of one user are under way at this node at a time; more are refused with 429 <c>uploadsTooMany</c>. 1 to 1,000. Default 32.</summary>
    public int MaxUploadsPerUser { get; init; } = 32;

    /// <summary>How many publications of one user are under way at this node at a time; more are refused with 429 <c>publicationsTooMany</c>. 1 to 1,000. Default 2.</summary>
    public int MaxPublicationsPerUser { get; init; } = 2;

    /// <summary>How many publications are under way at this node at a time, each with a program in memory; more are refused with 503 <c>publishingBusy</c>. 1 to 1,000. Default 8.</summary>
    public int MaxPublications { get; init; } = 8;

    /// <summary>How long a publication may take to arrive, in seconds: 1 to 86,400. Default 600.</summary>
    public int MaxPublicationSeconds { get; init; } = 600;

    public IEnumerable<string> Validate()
    {
        if (MaxUploadsPerUser is < 1 or > MostAtATime)
            yield return $"Builds:MaxUploadsPerUser is from 1 to {MostAtATime}.";
        if (MaxPublicationsPerUser is < 1 or > MostAtATime)
            yield return $"Builds:MaxPublicationsPerUser is from 1 to {MostAtATime}.";
        if (MaxPublications is < 1 or > MostAtATime)
            yield return $"Builds:MaxPublications is from 1 to {MostAtATime}.";
        if (MaxPublicationSeconds is < 1 or > SecondsOfADay)
            yield return $"Builds:MaxPublicationSeconds is from 1 to {SecondsOfADay}.";
        if (MaxBlobBytes is < 1 or > LargestBlobBytes)
            yield return $"Builds:MaxBlobBytes is from 1 to {LargestBlobBytes}.";
        if (MaxProgramBytes is < 1 or > LargestProgramBytes)
            yield return $"Builds:MaxProgramBytes is from 1 to {LargestProgramBytes}.";
    }
}
