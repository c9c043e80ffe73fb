namespace Stoa.Node.Payments;

/// <summary>Stripe has not done what it was asked.</summary>
/// <param name="message">For a person. Nothing of a key is in it.</param>
/// <param name="isFinal">Whether Stripe has refused the request, so that nothing was done and asking again would change nothing. Otherwise it may have been done.</param>
/// <param name="code">Stripe's own word for it; null when there is none.</param>
/// <param name="inner">What went wrong on the way.</param>
public sealed class StripeException(string message, bool isFinal, string? code = null, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether Stripe has refused the request: nothing was done.</summary>
    public bool IsFinal { get; } = isFinal;

    /// <summary>Stripe's own word for it.</summary>
    public string? Code { get; } = code;
}
