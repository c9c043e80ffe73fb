namespace Stoa.Network.Muxing;

/// <summary>A stream was reset by one of its sides, or its connection was lost.</summary>
public sealed class StreamResetException : IOException
{
    public StreamResetException(string message) : base(message)
    {
    }

    public StreamResetException(string message, Exception cause) : base(message, cause)
    {
    }
}
