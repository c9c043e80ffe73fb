using System.Text;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Tests.Inference.OpenAi;

public sealed class ModelListTests
{
    [Theory]
    [InlineData("""{"object":"list","data":[{"id":"tiny","object":"model","owned_by":"vllm","max_model_len":8192}]}""", "tiny")]
    [InlineData("""{"models":[{"name":"x"}],"object":"list","data":[{"id":"/models/tiny.gguf","meta":{"n_ctx":8192}},{"id":"b"},{"id":"b"}]}""", "/models/tiny.gguf b")]
    [InlineData("""{"object":"list","data":null}""", "")]
    [InlineData("""{"data":[]}""", "")]
    public void List_OfAServer_IsReadByItsNames(string json, string names) =>
        string.Join(' ', ModelList.TryRead(Encoding.UTF8.GetBytes(json)).ShouldNotBeNull()).ShouldBe(names);

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("[]")]
    [InlineData("""{"models":[]}""")]
    [InlineData("""{"data":{}}""")]
    [InlineData("""{"data":["tiny"]}""")]
    [InlineData("""{"data":[{"id":7}]}""")]
    [InlineData("""{"data":[{"id":""}]}""")]
    [InlineData("""{"data":[{"id":"\ud800"}]}""")]
    public void WhatIsNoList_IsNotRead(string text) => ModelList.TryRead(Encoding.UTF8.GetBytes(text)).ShouldBeNull();

    [Fact]
    public void List_OfTooMany_OrOfTooLongNames_IsNotRead()
    {
        ModelList.TryRead(Encoding.UTF8.GetBytes($$"""{"data":[{{string.Join(',', Enumerable.Repeat("""{"id":"a"}""", 10_001))}}]}""")).ShouldBeNull();
        ModelList.TryRead(Encoding.UTF8.GetBytes($$"""{"data":[{"id":"{{new string('a', 513)}}"}]}""")).ShouldBeNull();
    }
}
