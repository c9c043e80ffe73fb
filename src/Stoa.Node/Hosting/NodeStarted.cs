namespace Stoa.Node.Hosting;

/// <summary>What is to be said of a node that has just started and takes requests.</summary>
/// <param name="Address">Where it listens, with the real port.</param>
/// <param name="DataFolder">Full path of what it keeps.</param>
/// <param name="AdminKey">The API key of the first administrator when it was made in this start; shown once.</param>
/// <param name="AdminKeyFile">Where that key is kept for the CLI on this machine.</param>
/// <param name="NetworkAddresses">Where other nodes can reach it, with its peer id; none when it takes no part in the network.</param>
/// <param name="Duration">From the first line of code to readiness.</param>
public sealed record NodeStarted(
    Uri Address, string DataFolder, string? AdminKey, string AdminKeyFile, IReadOnlyList<string> NetworkAddresses, TimeSpan Duration);
