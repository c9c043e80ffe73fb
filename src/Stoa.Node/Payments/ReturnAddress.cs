namespace Stoa.Node.Payments;

/// <summary>Where Stripe sends people back to.</summary>
/// <param name="Url">An absolute address.</param>
public sealed record ReturnAddress(string Url);
