namespace Stoa.Market.Inference;

/// <summary>Pays for requests to models.</summary>
public interface IInferencePayer
{
    /// <summary>Sets aside what a request may cost at most, or says why it is not made.</summary>
    /// <param name="model">For what, at the highest prices that may come of it.</param>
    /// <param name="most">Tokens that the request may use at most; neither is negative.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(PricedModel model, TokenUsage most, CancellationToken cancellationToken);
}
