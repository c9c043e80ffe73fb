namespace Stoa.Node.Storage;

/// <summary>The database cannot be used as it is, and a person must act: the message says on what. It needs no stack trace.</summary>
public sealed class StorageUnusableException : Exception
{
    public StorageUnusableException(string message)
        : base(message)
    {
    }

    public StorageUnusableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
