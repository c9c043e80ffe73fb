namespace Stoa.Market.Tasks;

/// <summary>Opens the input of a task at its beginning: as often as it is sent or read, and by several at once. However long it is, it is never in memory as a whole.</summary>
/// <param name="cancellationToken">Gives up.</param>
/// <returns>The bytes, as many as the task says; whoever asked disposes of it.</returns>
/// <exception cref="IOException">This node's own storage does not have them any more.</exception>
public delegate Task<Stream> OpenInput(CancellationToken cancellationToken);
