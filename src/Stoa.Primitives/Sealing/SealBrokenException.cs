namespace Stoa.Primitives.Sealing;

/// <summary>Sealed bytes do not verify: they were changed, cut off, put into another order, or sealed with another secret. To whoever reads them it is a read that fails.</summary>
public sealed class SealBrokenException : IOException
{
    /// <summary>Says nothing more.</summary>
    public SealBrokenException()
        : this("What is sealed does not verify.")
    {
    }

    /// <param name="message">What was found.</param>
    public SealBrokenException(string message)
        : base(message)
    {
    }

    /// <param name="message">What was found.</param>
    /// <param name="innerException">Who found it.</param>
    public SealBrokenException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
