namespace Stoa.Network.Names;

/// <summary>The text records of the domain name system.</summary>
public interface ITextRecords
{
    /// <summary>Reads those of a name, each as one text. None when there is no such name, or when it has none.</summary>
    /// <exception cref="IOException">Nobody answers, or the answer is a failure.</exception>
    Task<IReadOnlyList<string>> ReadAsync(string name, CancellationToken cancellationToken);
}
