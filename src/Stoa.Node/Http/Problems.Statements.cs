using Stoa.Market.Registry.Statements;

// Values without a name cannot occur; a name without a row is CS8509, which stays an error.
#pragma warning disable CS8524

namespace Stoa.Node.Http;

public static partial class Problems
{
    // Codes are unique over all refusals; the names of faults need not be.
    public static ProblemKind Of(StatementFault fault) => fault switch
    {
        StatementFault.NotAStatement => new("notAStatement", 422, "Not a statement",
            "The envelope holds something else than a statement of the registry, or its payload is no JSON object.",
            "Send the DSSE envelope as its signer made it, and as another node gives it."),
        StatementFault.TooLarge => new("statementTooLarge", 422, "Statement too large",
            "The payload is larger than statements may be on any node.",
            "Say less: shorten the manifest."),
        StatementFault.NotCanonical => new("statementNotCanonical", 422, "Statement not canonical",
            "The payload is not written as RFC 8785 has it, so that what it says could have other ids as well.",
            "Write the payload in canonical form before it is signed."),
        StatementFault.SchemaUnknown => new("statementSchemaUnknown", 422, "Statement of an unknown schema",
            "This node knows no statements of the kind, or none by this version of its schema.",
            "Bring the node up to date, or give the statement to one that knows it."),
        StatementFault.MembersInvalid => new("statementMembersInvalid", 422, "Statement breaks its schema",
            "Members of the payload are missing, unknown or wrong.",
            "Correct what is listed, and sign anew. The schemas are at /schemas/statement-{kind}.v1.json."),
        StatementFault.SignatureInvalid => new("statementSignatureInvalid", 422, "Statement not signed by its signer",
            "No signature of the envelope was made by the key that the payload names, over this payload.",
            "Sign the payload with the key that it names; do not change it afterwards."),
        StatementFault.ProofInvalid => new("reviewProofInvalid", 422, "Review without a receipt",
            "The node that the review names has not said that this reviewer has this receipt of this version.",
            "Write the review at the node where the task was paid for: it gives its word for the receipt."),
        StatementFault.TooFarAhead => new("statementTooFarAhead", 409, "Statement of the future",
            "The timestamp is further ahead of the node's clock than clocks may differ.",
            "Set the clock that made it, or send it again when its time has come."),
        StatementFault.Expired => new("offerOver", 409, "Offer over",
            "The offer is over, and so is every earlier one of the node.",
            "Nothing is lost. The node's next offer is taken."),
        StatementFault.SignerForgotten => new("signerForgotten", 403, "Signer erased",
            "The key was a person's who was erased at this node; nothing of it is taken here again.",
            "Publish with another key."),
        StatementFault.WorkMissing => new("statementWorkMissing", 402, "Work missing",
            "Nobody whom this node knows vouches for the signer. Statements of such signers cost work: their ids begin with zero bits.",
            "Search for a value of work with which the id begins with as many zero bits as the detail says, and sign that."),
        StatementFault.TooManyStatements => new("statementsTooMany", 409, "Too many statements",
            "The signer has as many statements here as it may.",
            "Say something in place of something old, or have a node that is known here vouch for the signer."),
        StatementFault.TooManyBytes => new("statementsTooLarge", 409, "Statements too large together",
            "The statements of the signer are as large together as they may be here.",
            "Say something in place of something old, or have a node that is known here vouch for the signer."),
        StatementFault.TooManyToday => new("statementsTooManyToday", 429, "Too many statements today",
            "The signer has said as much in this day of UTC as it may here.",
            "Send it again after midnight UTC."),
        StatementFault.StrangersFull => new("strangersFull", 507, "No room for strangers",
            "The room that this node keeps for signers whom nobody vouches for is full.",
            "Try later, or have a node that is known here vouch for the signer."),
    };
}
