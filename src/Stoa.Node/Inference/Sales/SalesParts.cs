using Stoa.Node.Inference.Charging;
using Stoa.Node.PayPerCall;
using Stoa.Node.Signing;
using Stoa.Node.Storage;

namespace Stoa.Node.Inference.Sales;

/// <summary>What every payment of an answer needs.</summary>
/// <param name="Till">Takes vouchers.</param>
/// <param name="Allowances">Hold what requests may cost.</param>
/// <param name="Nonces">Take each request once.</param>
/// <param name="Database">Knows the credit of channels.</param>
/// <param name="Logger">Told when the account that sells cannot pay.</param>
internal sealed record SalesParts(Till Till, Allowances Allowances, RequestNonces Nonces, Database Database, ILogger Logger);
