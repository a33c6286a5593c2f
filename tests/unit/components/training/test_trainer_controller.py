"""What the controller of trainer is given; what it has in common with the other is tested with both."""

from components.training import trainer_controller


def test_its_webhooks_are_served_in_its_own_namespace() -> None:
    assert trainer_controller.webhook_host("training") == "trainer-webhook-service.training.svc"


def test_its_own_certificates_are_not_managed_by_it() -> None:
    settings = trainer_controller.settings()
    assert {"enable": False} in (settings.get("certManagement"), settings.get("internalCertManagement"))
    assert settings["leaderElection"]["resourceName"] == "trainer.plinth.dev"
