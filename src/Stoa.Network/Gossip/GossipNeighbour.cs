using Stoa.Primitives;

namespace Stoa.Network.Gossip;

/// <summary>A neighbour that wants a topic.</summary>
/// <param name="Peer">Who.</param>
/// <param name="IsInMesh">Whether messages go to it at once, and come from it.</param>
/// <param name="Score">What it is worth; below zero it is in no mesh.</param>
public sealed record GossipNeighbour(PeerId Peer, bool IsInMesh, double Score);

/// <summary>What became of a message that was published.</summary>
/// <param name="Id">What it is known by.</param>
/// <param name="Peers">To how many neighbours it is on its way. With none it is told of for some heartbeats (<see cref="GossipOptions.HistoryGossip"/>), and then forgotten.</param>
public sealed record PublishReport(MessageId Id, int Peers);
