namespace Stoa.Market.Calls;

/// <summary>Where an agent writes how far it is, and others look: the newest word replaces the one before. Safe for use by many threads.</summary>
/// <remarks>Writing allocates nothing after the first message, so an agent may do it as often as it likes; how often is told is up to those who look.</remarks>
public sealed class ProgressBoard
{
    /// <summary>The longest message that is kept, in UTF-16 code units; a longer one is cut.</summary>
    public const int MaxMessageLength = 200;

    private readonly Lock _gate = new();
    private char[]? _message;
    private int _messageLength;
    private long _done;
    private long? _total;
    private bool _isTold;

    /// <summary>Replaces what was told before.</summary>
    /// <param name="done">Not negative.</param>
    /// <param name="total">Not negative; null when it is not known.</param>
    /// <param name="message">Empty for none.</param>
    public void Tell(long done, long? total, ReadOnlySpan<char> message)
    {
        if (message.Length > MaxMessageLength)
            message = message[..(char.IsHighSurrogate(message[MaxMessageLength - 1]) ? MaxMessageLength - 1 : MaxMessageLength)];
        lock (_gate)
        {
            (_done, _total, _messageLength, _isTold) = (done, total, message.Length, true);
            if (!message.IsEmpty)
                message.CopyTo(_message ??= new char[MaxMessageLength]);
        }
    }

    /// <summary>What was told last; null when nothing was.</summary>
    public AgentProgress? Read()
    {
        lock (_gate)
            return _isTold ? new AgentProgress(_done, _total, _messageLength == 0 ? null : new string(_message!, 0, _messageLength)) : null;
    }
}
