using System.Diagnostics;

namespace Stoa.Faults;

/// <summary>A kind of fault that is made again and again while work is done.</summary>
/// <param name="Name">After <c>./faults</c>.</param>
/// <param name="Summary">What is done, in a line.</param>
/// <param name="DefaultPoints">How often, unless told otherwise.</param>
/// <param name="RunAsync">Does it.</param>
internal sealed record FaultRun(string Name, string Summary, int DefaultPoints, Func<RunContext, CancellationToken, Task> RunAsync);

/// <summary>What a run is given.</summary>
/// <param name="Points">How many faults to make.</param>
/// <param name="Seed">Of all chance.</param>
/// <param name="Within">How soon what a fault interrupted has to go on.</param>
/// <param name="Report">Takes figures and broken promises.</param>
/// <param name="Tell">Takes a line about how far it is.</param>
internal sealed record RunContext(int Points, int Seed, TimeSpan Within, FaultReport Report, Action<string> Tell)
{
    private readonly long _began = Stopwatch.GetTimestamp();

    /// <summary>No more faults are made after so long; null for all of them.</summary>
    public TimeSpan? Longest { get; init; }

    /// <summary>How many faults were begun.</summary>
    public int Made { get; private set; }

    /// <summary>The number of the next fault, from 1; false when it was the last one, or the time is over.</summary>
    public bool TryNext(out int point)
    {
        point = Made + 1;
        if (Made == Points || Stopwatch.GetElapsedTime(_began) > Longest)
            return false;
        Made = point;
        return true;
    }
}
