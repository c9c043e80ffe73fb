using System.Diagnostics.Metrics;

namespace Stoa.Node.Storage;

/// <summary>What the database tells of itself: is it keeping up, and how much does it do at once?</summary>
internal static class StorageMeter
{
    private static readonly Meter Meter = new("Stoa.Storage");

    /// <summary>From the call to the durable commit, the wait in the queue and runs that had to be repeated included.</summary>
    public static readonly Histogram<double> WriteDuration = Meter.CreateHistogram<double>(
        "stoa.storage.write.duration", "s", "Time from handing over an act to its durable commit.");

    /// <summary>1 when idle; the more the better the disk is used.</summary>
    public static readonly Histogram<int> ActsPerCommit = Meter.CreateHistogram<int>(
        "stoa.storage.commit.acts", "{act}", "Acts that one commit of the SQLite writer made durable.");
}
