using Newtonsoft.Json.Linq;
using NJsonSchema;
using NJsonSchema.Validation;
using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>Checks one document, and gives up when that takes more than any sensible schema needs.</summary>
/// <remarks>
/// Both the schema and the document come from strangers. A schema that applies itself twice to each item takes twice as long for each level that
/// the document is deep, and one of sixteen schemas in a row, each of which names the next sixty times, takes forever for any document. So
/// steps are counted; processor time is looked at too, since patterns and long lists of values may make each step a slow one.
/// </remarks>
/// <param name="documentBytes">Its size: a larger one may take more steps, and more time.</param>
internal sealed class BoundedSchemaValidator(int documentBytes) : JsonSchemaValidator
{
    // Of a document of no bytes; each byte is one more.
    private const int LeastSteps = 50_000;

    // An error is held in memory, with its path, until the end.
    private const int StepsOfAnError = 4;

    private const int LeastSeconds = 3;
    private const int BytesOfASecond = 64 << 10;

    private readonly TimeSpan _longest = TimeSpan.FromSeconds(LeastSeconds + (documentBytes / BytesOfASecond));
    private readonly TimeSpan _began = ThreadClock.Now;
    private long _left = LeastSteps + documentBytes;

    /// <exception cref="SchemaEffortException">There is too much to check.</exception>
    protected override ICollection<ValidationError> Validate(
        JToken token, JsonSchema schema, SchemaType schemaType, string? propertyName, string propertyPath)
    {
        Spend(1);
        var errors = base.Validate(token, schema, schemaType, propertyName, propertyPath);
        // Each level that hands errors on copies them.
        Spend((long)errors.Count * StepsOfAnError);
        return errors;
    }

    private void Spend(long steps)
    {
        _left -= steps;
        if (_left < 0 || ThreadClock.Now - _began > _longest)
            throw new SchemaEffortException();
    }
}

/// <summary>A document would take too long to check against a schema.</summary>
internal sealed class SchemaEffortException() : Exception("The check takes too long.");
