using System.ComponentModel;
using System.Globalization;
using Microsoft.AspNetCore.Mvc;
using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Discovery;

/// <summary>What a search of listings asks for; use it as an <c>[AsParameters]</c> parameter.</summary>
public sealed record ListingSearchQuery
{
    private const int TextLengthMax = 256;
    private const int NameLengthMax = 253;
    private const int TagLengthMax = 64;
    private const int MediaTypeLengthMax = 127;
    private const int MarkLengthMax = 32;

    private static readonly string[] s_known =
    [
        "q", "kind", "capability", "tag", "category", "license", "publisher", "input", "output", "region", "framework", "quantisation", "minContextLength", "minPrice", "maxPrice", "maxProgramBytes", "minRating",
        "sort", "facet", "limit", "cursor",
    ];

    [FromQuery(Name = "q"), Description("Words that must all appear in name, description, tags, capabilities, category, or a model's framework, architecture and quantisation, whatever their case and accents; a node with an embedding model also finds what means the same; the last one may be the beginning of a word, unless a blank follows. At most 256 characters, of which the first eight words count.")]
    public string? Text { get; init; }

    [FromQuery(Name = "kind"), Description("What it is: agent, model, template, bundle or dataset; anything when left out.")]
    public string? Kind { get; init; }

    [FromQuery(Name = "category"), Description("The shelf that its manifest puts it on, such as image-editing.")]
    public string? Category { get; init; }

    [FromQuery(Name = "license"), Description("A licence that its manifest names, such as MIT, whatever its case: of MIT OR Apache-2.0 each is found.")]
    public string? License { get; init; }

    [FromQuery(Name = "region"), Description("Where a node offers it now, such as eu-central.")]
    public string? Region { get; init; }

    [FromQuery(Name = "framework"), Description("The form of a model's weights, such as gguf.")]
    public string? Framework { get; init; }

    [FromQuery(Name = "quantisation"), Description("How a model's weights are rounded, such as Q4_K_M, whatever its case.")]
    public string? Quantisation { get; init; }

    [FromQuery(Name = "minContextLength"), Description("The least number of tokens that a model sees at once.")]
    public int? MinContextLength { get; init; }

    [FromQuery(Name = "capability"), Description("A capability such as image.resize. Up to eight may be given, and an agent has all of them.")]
    public string[]? Capabilities { get; init; }

    [FromQuery(Name = "tag"), Description("A tag, whatever its case. Up to eight may be given, and an agent has all of them.")]
    public string[]? Tags { get; init; }

    [FromQuery(Name = "publisher"), Description("A publisher's key (its peer id) or handle.")]
    public string? Publisher { get; init; }

    [FromQuery(Name = "input"), Description("The media type that it reads, such as text/csv.")]
    public string? Input { get; init; }

    [FromQuery(Name = "output"), Description("The media type that it writes, such as image/png.")]
    public string? Output { get; init; }

    [FromQuery(Name = "minPrice"), Description("The least base price of a task in US dollars, such as 0.001; of a model, of a million tokens that it reads. What has no price is left out.")]
    public string? MinPrice { get; init; }

    [FromQuery(Name = "maxPrice"), Description("The greatest base price of a task in US dollars, such as 0.05; of a model, of a million tokens that it reads. What has no price is left out.")]
    public string? MaxPrice { get; init; }

    [FromQuery(Name = "maxProgramBytes"), Description("The largest program in bytes; of models, templates and datasets the largest file.")]
    public long? MaxProgramBytes { get; init; }

    [FromQuery(Name = "minRating"), Description("The least mean of the reviews that count here, 1 to 5, such as 4.5. What has no review is left out.")]
    public string? MinRating { get; init; }

    [FromQuery(Name = "sort"), Description("relevance (how well the words fit), rating, tasks (done well in this cell), price (least first, what has none last) or newest. Relevance when there are words, newest otherwise. What is equal is in the order of keys.")]
    public string? Sort { get; init; }

    [FromQuery(Name = "facet"), Description("By what the findings are counted: capability, tag, input, output, publisher, kind, category, license, region, framework or quantisation. Several may be given.")]
    public string[]? Facets { get; init; }

    /// <summary>What is looked for, but for the publisher.</summary>
    /// <param name="given">The parameters of the request: one that is unknown would be taken for a filter that holds.</param>
    /// <exception cref="RequestRefusedException">A parameter is unknown or cannot be meant; every reason is listed.</exception>
    internal ListingSearch ToSearch(IQueryCollection given)
    {
        var errors = new List<FieldError>();
        foreach (var name in given.Keys.Where(name => !s_known.Contains(name, StringComparer.OrdinalIgnoreCase)).Take(s_known.Length))
            Refuse($"There is no parameter {(name.Length <= TagLengthMax ? name : name[..TagLengthMax] + "…")}; those that there are: {string.Join(", ", s_known)}.");
        if (Text?.Length > TextLengthMax)
            Refuse($"The parameter q has at most {TextLengthMax} characters.");
        if (Capabilities?.Length > ListingSearch.MaxValues || Capabilities?.All(Names.IsCapability) is false)
            Refuse($"The parameter capability is a dotted lower-case name such as image.resize, and given at most {ListingSearch.MaxValues} times.");
        if (Tags?.Length > ListingSearch.MaxValues || Tags?.All(tag => tag.Length is > 0 and <= TagLengthMax) is false)
            Refuse($"The parameter tag has 1 to {TagLengthMax} characters, and is given at most {ListingSearch.MaxValues} times.");
        if (Publisher is { Length: 0 or > NameLengthMax })
            Refuse("The parameter publisher is a key (a peer id) or a handle.");
        if (Input is { Length: 0 or > MediaTypeLengthMax } || Output is { Length: 0 or > MediaTypeLengthMax })
            Refuse($"The parameters input and output are media types such as text/csv, of at most {MediaTypeLengthMax} characters.");
        if (Category is not null && !Names.IsCategory(Category))
            Refuse("The parameter category is 2 to 32 characters of a-z 0-9 -, starting with a letter.");
        if (License is { Length: 0 or > SpdxExpression.MaxLength })
            Refuse($"The parameter license is a licence of SPDX such as MIT, of at most {SpdxExpression.MaxLength} characters.");
        if (Region is not null && !Names.IsRegion(Region))
            Refuse("The parameter region is 2 to 32 characters of a-z 0-9 -, starting with a letter.");
        if (Framework is { Length: 0 or > MarkLengthMax } || Quantisation is { Length: 0 or > MarkLengthMax })
            Refuse($"The parameters framework and quantisation are words such as gguf and Q4_K_M, of at most {MarkLengthMax} characters.");
        if (MinContextLength < 0)
            Refuse("The parameter minContextLength is zero or more.");
        if (MaxProgramBytes < 0)
            Refuse("The parameter maxProgramBytes is zero or more.");
        var search = new ListingSearch
        {
            Text = Text,
            Capabilities = Capabilities ?? [],
            Tags = Tags ?? [],
            Kind = Kind is null ? null : Word<ListingKind>("kind", Kind),
            Category = Category,
            License = License,
            Region = Region,
            Framework = Framework,
            Quantisation = Quantisation,
            MinContextLength = MinContextLength,
            Input = Input,
            Output = Output,
            MinPrice = Price("minPrice", MinPrice),
            MaxPrice = Price("maxPrice", MaxPrice),
            MaxProgramBytes = MaxProgramBytes,
            MinRatingHundredths = Rating(),
            Sort = Sort is null ? string.IsNullOrWhiteSpace(Text) ? ListingSort.Newest : ListingSort.Relevance : Word<ListingSort>("sort", Sort),
            Facets = [.. (Facets ?? []).Take(Enum.GetValues<ListingFacet>().Length * 2).Select(facet => Word<ListingFacet>("facet", facet)).Distinct()],
        };
        return errors.Count == 0 ? search : throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);

        void Refuse(string reason) => errors.Add(new FieldError("", reason));

        Money? Price(string name, string? text)
        {
            if (text is null)
                return null;
            if (Money.TryParse(text, out var amount) && amount >= Money.Zero)
                return amount;
            Refuse($"The parameter {name} is an amount of US dollars such as 0.05, with at most nine decimals.");
            return null;
        }

        int? Rating()
        {
            if (MinRating is null)
                return null;
            if (decimal.TryParse(MinRating, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var stars) && stars is >= 1 and <= 5)
                return (int)Math.Ceiling(stars * 100);
            Refuse("The parameter minRating is a number from 1 to 5, such as 4.5.");
            return null;
        }

        T Word<T>(string name, string text)
            where T : struct, Enum
        {
            if (!EnumWord.TryParse<T>(text, out var value))
                Refuse($"The parameter {name} is one of {EnumWord.All<T>()}.");
            return value;
        }
    }
}
