"""What a person sees when the service refuses, is busy, or is gone."""

import pytest
from stub_service import Refusal

pytestmark = pytest.mark.process

expect = pytest.importorskip("playwright.sync_api").expect


def drop(page, *files):
    page.set_input_files("#files", [str(file) for file in files])


@pytest.mark.parametrize(
    ("refusal", "title", "again"),
    [
        (Refusal(400, "damaged PNG: its end is missing"), "Could not be read", False),
        (Refusal(413, "a file of 90 MB; at most 64 MB are read"), "Too large", False),
        (Refusal(415, "send multipart/form-data"), "Not a supported image", False),
        (Refusal(422, "class: the model has no such class"), "Invalid request", False),
        (Refusal(500, "a fault of the service"), "The service failed", True),
        (Refusal(504, "the proxy gave up"), "Took too long", True),
    ],
)
def test_a_refusal_is_explained_in_plain_words(page, stub, radiographs, refusal, title, again):
    stub.refusals = [refusal]
    drop(page, radiographs[0])
    expect(page.locator("h2.headline")).to_have_text(title)
    shown = page.locator("#answer .reason").inner_text()
    assert shown == refusal.detail[0].upper() + refusal.detail[1:] + "."
    expect(page.locator("#answer code")).to_have_text("5f1c2f0e9b7d4c36")
    assert (page.get_by_role("button", name="Try again").count() == 1) == again


def test_trying_again_may_succeed(page, stub, radiographs):
    stub.refusals = [Refusal(500, "a fault of the service")]
    drop(page, radiographs[0])
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".class.best")).to_be_visible()


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again_when_it_says(page, stub, radiographs, status):
    stub.refusals = [Refusal(status, "busy", "1"), Refusal(status, "busy", "0")]
    drop(page, radiographs[0])
    expect(page.locator("#answer-note")).to_have_text("Busy; trying again in 1 s (2 of 5)")
    expect(page.locator(".class.best")).to_be_visible()
    assert len(stub.asked) == 3


def test_a_service_that_stays_busy_is_asked_five_times(page, stub, radiographs):
    stub.refusals = [Refusal(429, "the queue is full", "0")] * 9
    drop(page, radiographs[0])
    expect(page.locator("h2.headline")).to_have_text("The service is busy")
    assert len(stub.asked) == 5


def test_a_model_that_loads_is_waited_for(page, stub):
    stub.busy_loading = 2
    page.reload()
    expect(page.locator("#show-model")).to_contain_text("mobilenet-lung 33bc4012")


def test_the_token_is_asked_for_and_kept_for_the_tab_alone(page, stub, radiographs):
    stub.bearer = "right"
    page.reload()
    dialog = page.get_by_role("dialog", name="requires a token")
    expect(dialog.get_by_label("Token")).to_be_focused()
    dialog.get_by_label("Token").fill("right")
    page.keyboard.press("Enter")
    expect(page.locator("#show-model")).to_contain_text("mobilenet-lung")
    drop(page, radiographs[0])
    expect(page.locator(".class.best")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('lungscope.token')") == "right"
    assert "right" not in page.evaluate("JSON.stringify(localStorage) + document.cookie")


def test_behind_the_dialog_nothing_is_said_to_be_loading(page, stub):
    stub.bearer = "right"
    page.reload()
    expect(page.get_by_role("dialog", name="requires a token")).to_be_visible()
    expect(page.locator(".model-name")).to_have_text("A token is needed")


def test_a_wrong_token_is_asked_for_again(page, stub):
    stub.bearer = "right"
    page.reload()
    dialog = page.get_by_role("dialog", name="requires a token")
    field = dialog.get_by_label("Token")
    field.fill("wrong")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("The service rejected this token.")
    field.fill("two words")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("without spaces")
    field.fill("right")
    page.keyboard.press("Enter")
    expect(page.locator("#show-model")).to_contain_text("mobilenet-lung")


def test_for_many_images_the_token_is_asked_for_once(page, stub, radiographs):
    stub.bearer = "right"
    drop(page, *radiographs)
    dialog = page.get_by_role("dialog", name="requires a token")
    dialog.get_by_label("Token").fill("right")
    page.keyboard.press("Enter")
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(6)
    expect(dialog).to_be_hidden()


def test_the_model_is_shown_once_a_token_is_given_with_an_image(page, stub, radiographs):
    stub.bearer = "right"
    page.reload()
    dialog = page.get_by_role("dialog", name="requires a token")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.locator("#show-model")).to_have_text("A token is needed")
    drop(page, radiographs[0])
    dialog.get_by_label("Token").fill("right")
    page.keyboard.press("Enter")
    expect(page.locator(".class.best")).to_be_visible()
    expect(page.locator("#show-model")).to_contain_text("mobilenet-lung 33bc4012")


def test_without_a_token_the_page_says_what_to_do(page, stub):
    stub.bearer = "right"
    page.reload()
    token = page.get_by_role("dialog", name="requires a token")
    token.get_by_role("button", name="Cancel").click()
    page.locator("#show-model").click()
    model = page.get_by_role("dialog", name="Model")
    expect(model).to_contain_text("ask whoever runs it. Try again")
    model.get_by_role("button", name="Try again").click()
    expect(model).to_be_hidden()
    token.get_by_label("Token").fill("right")
    page.keyboard.press("Enter")
    expect(page.locator("#show-model")).to_contain_text("mobilenet-lung 33bc4012")


def test_without_a_token_nothing_goes_on(page, stub, radiographs):
    stub.bearer = "right"
    drop(page, *radiographs)
    page.get_by_role("dialog", name="requires a token").get_by_role("button", name="Cancel").click()
    expect(page.locator("#progress-text")).to_have_text("6 images")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert stub.asked == []


def test_a_service_that_is_gone_is_not_reported_as_a_bad_image(page, radiographs):
    page.route("**/v1/predictions*", lambda route: route.abort())
    page.route("**/healthz", lambda route: route.abort())
    drop(page, radiographs[0])
    expect(page.locator("h2.headline")).to_have_text("No connection")
    expect(page.locator("#answer .reason")).to_contain_text("cannot be reached")


def test_a_service_that_hangs_up_on_a_file_is_not_reported_as_gone(page, radiographs):
    page.route("**/v1/predictions*", lambda route: route.abort())
    drop(page, radiographs[0])
    expect(page.locator("#answer .reason")).to_contain_text("it may be too large")


def test_an_answer_that_is_not_json_is_reported(page, radiographs):
    page.route("**/v1/predictions*", lambda route: route.fulfill(body="<html>proxy</html>"))
    drop(page, radiographs[0])
    expect(page.locator("#answer .reason")).to_contain_text("could not be understood")


def test_no_more_than_three_images_are_sent_at_once(page, stub, radiographs):
    stub.go_on.clear()
    drop(page, *radiographs)
    expect(page.locator("#frames > li[data-state=sending]")).to_have_count(3)
    expect(page.locator("#progress-text")).to_have_text("0 of 6")
    page.wait_for_timeout(200)
    assert len(stub.asked) == 3
    stub.go_on.set()
    expect(page.locator("#progress-text")).to_have_text("6 images")
    assert len(stub.asked) == 6


def test_sending_can_be_stopped_and_taken_up_again(page, stub, radiographs):
    stub.go_on.clear()
    drop(page, *radiographs)
    expect(page.locator("#frames > li[data-state=sending]")).to_have_count(3)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#frames > li[data-state=stopped]")).to_have_count(6)
    stub.go_on.set()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(1)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#frames > li[data-state=answered]")).to_have_count(6)
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()


def test_a_heatmap_that_does_not_come_leaves_the_answer(page, stub, named):
    drop(page, named("a.png"))
    expect(page.locator("#overlay")).to_be_visible()
    other = page.locator(".class:not(.best)").first.get_by_role("radio")
    stub.refusals = [Refusal(500, "A fault.")]
    other.check()
    expect(page.locator("#evidence")).to_contain_text("The heatmap could not be loaded: A fault.")
    expect(page.locator(".class.best .class-probability")).to_have_text("94.0 %")


@pytest.fixture
def unexplained(page, stub, named):
    """The page with two images, of which the first lacks the heatmap that is wanted."""
    drop(page, named("a.png"), named("b.png"))
    expect(page.locator("#overlay")).to_be_visible()
    expect(page.locator("#progress-text")).to_have_text("2 images")
    stub.refusals = [Refusal(500, "A fault.")]
    page.locator(".class:not(.best)").first.get_by_role("radio").check()
    expect(page.locator("#evidence")).to_contain_text("The heatmap could not be loaded")
    return page


@pytest.mark.parametrize("button", ["Try again", "Resume"])
def test_a_heatmap_that_did_not_come_comes_when_asked_for_again(unexplained, button):
    unexplained.get_by_role("button", name=button).click()
    expect(unexplained.locator("#overlay")).to_be_visible()
    expect(unexplained.locator("#evidence h3")).to_contain_text("Evidence for")
    expect(unexplained.get_by_role("button", name="Resume")).to_be_hidden()


def test_a_heatmap_that_did_not_come_comes_when_its_image_is_turned_to(unexplained):
    unexplained.keyboard.press("j")
    expect(unexplained.locator("#answer .file-name")).to_have_text("b.png")
    unexplained.keyboard.press("k")
    expect(unexplained.locator("#overlay")).to_be_visible()
    expect(unexplained.locator("#evidence h3")).to_contain_text("Evidence for")
