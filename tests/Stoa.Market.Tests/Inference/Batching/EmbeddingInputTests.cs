using System.Text;
using Stoa.Market.Inference.Batching;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Tests.Inference.Batching;

public sealed class EmbeddingInputTests
{
    [Theory]
    [InlineData("""{"model":"m","input":"a text"}""", EmbeddingInputKind.Text, 1, "\"a text\"")]
    [InlineData("""{"model":"m","input":["a text"," b" ]}""", EmbeddingInputKind.Text, 2, "\"a text\",\" b\" ")]
    [InlineData("""{"input":[ 1, 2 ,3],"model":"m"}""", EmbeddingInputKind.Tokens, 1, "[ 1, 2 ,3]")]
    [InlineData("""{"input":[[1,2],[3]],"model":"m"}""", EmbeddingInputKind.Tokens, 2, "[1,2],[3]")]
    public void Input_IsReadAsMembersOfAnArray(string json, EmbeddingInputKind kind, int count, string items)
    {
        var input = EmbeddingInput.Of(Request(json)).ShouldNotBeNull();

        (input.Traits.Kind, input.Count, Encoding.UTF8.GetString(input.Items.Span)).ShouldBe((kind, count, items));
    }

    [Theory]
    [InlineData("""{"model":"m","input":"a","truncate":true}""")]
    [InlineData("""{"model":"m","input":"a","stream":false}""")]
    [InlineData("""{"model":"m","input":"a","user":"u","user":"u"}""")]
    [InlineData("""{"model":"m","input":"a","user":null}""")]
    [InlineData("""{"model":"m","input":"a","dimensions":{"most":2}}""")]
    [InlineData("""{"model":"m","input":""}""")]
    [InlineData("""{"model":"m","input":[]}""")]
    [InlineData("""{"model":"m","input":["a",""]}""")]
    [InlineData("""{"model":"m","input":["a",1]}""")]
    [InlineData("""{"model":"m","input":["a",null]}""")]
    [InlineData("""{"model":"m","input":[1,"a"]}""")]
    [InlineData("""{"model":"m","input":[1,[2]]}""")]
    [InlineData("""{"model":"m","input":[[]]}""")]
    [InlineData("""{"model":"m","input":[[1],2]}""")]
    [InlineData("""{"model":"m","input":[[1],["a"]]}""")]
    [InlineData("""{"model":"m","input":[{"text":"a"}]}""")]
    public void WhatMayBeMeantForAllOfAnAnswer_OrBeRefused_IsAskedByItself(string json) => EmbeddingInput.Of(Request(json)).ShouldBeNull();

    [Fact]
    public void TraitThatIsLong_IsAskedByItself()
    {
        EmbeddingInput.Of(Request($$"""{"model":"m","input":"a","user":"{{new string('u', 500)}}"}""")).ShouldNotBeNull();
        EmbeddingInput.Of(Request($$"""{"model":"m","input":"a","user":"{{new string('u', 511)}}"}""")).ShouldBeNull();
    }

    [Fact]
    public void Traits_TellApartWhatAServerAnswersInOtherWays()
    {
        EmbeddingTraits[] all =
        [
            .. new[]
            {
                """{"model":"m","input":"a"}""", """{"model":"m","input":[1]}""", """{"model":"m","input":"a","dimensions":2}""", """{"model":"m","input":"a","dimensions":3}""",
                """{"model":"m","input":"a","encoding_format":"float"}""", """{"model":"m","input":"a","encoding_format":"base64"}""", """{"model":"m","input":"a","user":"u"}""", """{"model":"m","input":"a","user":"v"}""",
            }.Select(json => EmbeddingInput.Of(Request(json))!.Traits),
        ];

        all.Distinct().Count().ShouldBe(all.Length);
        EmbeddingInput.Of(Request("""{"user":"u","input":["b","c"],"model":"n"}"""))!.Traits.ShouldBe(all[6]);
    }

    internal static InferenceRequest Request(string json, InferenceKind kind = InferenceKind.Embedding)
    {
        InferenceRequest.TryRead(kind, Encoding.UTF8.GetBytes(json), out var request, out var fault).ShouldBeTrue(fault?.Reason);
        return request!;
    }

    internal static EmbeddingInput Input(string json) => EmbeddingInput.Of(Request(json)).ShouldNotBeNull();
}
