using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>What a payload says.</summary>
/// <param name="Signer">Whose it says to be.</param>
/// <param name="Hlc">When.</param>
/// <param name="Content">What.</param>
/// <param name="Said">The hash of the body as it is written.</param>
internal sealed record StatementText(PublicKey Signer, Hlc Hlc, StatementContent Content, ContentHash Said);
